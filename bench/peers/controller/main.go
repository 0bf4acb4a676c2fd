// The Go side of `bench controller`: controller-runtime's Controller in a Manager, put through the same as the others
// (src/controller/drive.rs), printed as JSON.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

var (
	address         = flag.String("address", "", "where the server is")
	threads         = flag.Int("threads", 2, "as GOMAXPROCS says")
	objects         = flag.Int64("objects", 0, "pods of the server")
	workers         = flag.Int("workers", 10, "MaxConcurrentReconciles")
	passes          = flag.Int("passes", 3, "no-op passes over all objects")
	idleEvents      = flag.Int("idle-events", 0, "events one by one")
	idleRate        = flag.Int("idle-rate", 0, "per second")
	burst           = flag.Int("burst", 0, "events as fast as they go")
	overloadRate    = flag.Int("overload-rate", 0, "events per second")
	overloadObjects = flag.Int("overload-objects", 0, "about so many objects")
	overloadSeconds = flag.Int("overload-seconds", 0, "for so long")
	reconcileMs     = flag.Int64("reconcile-ms", 0, "how long a reconcile takes then")
	keysOnly        = flag.Bool("keys", false, "no-op reconciles do not read the object")
)

type cost struct {
	CPUSeconds  float64 `json:"cpu_seconds"`
	WallSeconds float64 `json:"wall_seconds"`
}

type stamp [2]uint64

type sample struct {
	Start       cost    `json:"start"`
	ResidentMiB float64 `json:"resident_mib"`
	Passes      cost    `json:"passes"`
	Idle        []stamp `json:"idle"`
	Burst       []stamp `json:"burst"`
	Overload    []stamp `json:"overload"`
	OverloadEnd uint64  `json:"overload_end"`
}

func clock(id int32) time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(id, &now); err != nil {
		panic(err)
	}
	return time.Duration(now.Nano())
}

func monotonic() uint64 { return uint64(clock(unix.CLOCK_MONOTONIC)) }

type meter struct{ cpu, wall time.Duration }

func startMeter() meter {
	return meter{clock(unix.CLOCK_PROCESS_CPUTIME_ID), clock(unix.CLOCK_MONOTONIC)}
}

func (m meter) read() cost {
	now := startMeter()
	return cost{(now.cpu - m.cpu).Seconds(), (now.wall - m.wall).Seconds()}
}

func residentMiB() float64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, resident int
	fmt.Sscan(string(text), &size, &resident)
	return float64(resident*os.Getpagesize()) / (1 << 20)
}

func post(path string) {
	response, err := http.Post("http://"+*address+path, "", nil)
	if err != nil {
		panic(err)
	}
	_, _ = io.Copy(io.Discard, response.Body)
	response.Body.Close()
}

// probe is the reconciler, and what it has seen.
type probe struct {
	client     client.Client
	reconciles atomic.Int64
	stamping   atomic.Bool
	duration   atomic.Int64
	mutex      sync.Mutex
	stamps     []stamp
}

// Reconcile reads the object from the cache, as reconcilers do: the others are given it.
func (p *probe) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	stamping := p.stamping.Load()
	if stamping || !*keysOnly {
		var pod corev1.Pod
		if err := p.client.Get(ctx, request.NamespacedName, &pod); err != nil {
			return ctrl.Result{}, err
		}
		if stamping {
			version, _ := strconv.ParseUint(pod.ResourceVersion, 10, 64)
			p.mutex.Lock()
			p.stamps = append(p.stamps, stamp{version, monotonic()})
			p.mutex.Unlock()
		}
	}
	if duration := p.duration.Load(); duration > 0 {
		time.Sleep(time.Duration(duration) * time.Millisecond)
	}
	p.reconciles.Add(1)
	return ctrl.Result{}, nil
}

func (p *probe) count() int {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return len(p.stamps)
}

func (p *probe) take() []stamp {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	taken := p.stamps
	p.stamps = nil
	return taken
}

func until(what string, done func() bool) {
	deadline := time.Now().Add(100 * time.Second)
	for !done() {
		if time.Now().After(deadline) {
			panic(what + ": not over in time")
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func start(ctx context.Context, p *probe, triggers chan struct{}) {
	mapper := meta.NewDefaultRESTMapper([]schema.GroupVersion{corev1.SchemeGroupVersion})
	mapper.Add(corev1.SchemeGroupVersion.WithKind("Pod"), meta.RESTScopeNamespace)
	config := &rest.Config{Host: "http://" + *address, QPS: -1}
	// As the others speak.
	config.ContentType = "application/json"
	manager, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:         scheme.Scheme,
		Logger:         logr.Discard(),
		Metrics:        server.Options{BindAddress: "0"},
		MapperProvider: func(*rest.Config, *http.Client) (meta.RESTMapper, error) { return mapper, nil },
	})
	if err != nil {
		panic(err)
	}
	p.client = manager.GetClient()
	// Keys to reconcile are known before they are asked for, as in the other programs.
	var keys []types.NamespacedName
	all := source.Func(func(ctx context.Context, queue workqueue.TypedRateLimitingInterface[ctrl.Request]) error {
		go func() {
			for range triggers {
				if keys == nil {
					var pods corev1.PodList
					if err := p.client.List(ctx, &pods, client.UnsafeDisableDeepCopy); err != nil {
						panic(err)
					}
					for i := range pods.Items {
						keys = append(keys, client.ObjectKeyFromObject(&pods.Items[i]))
					}
				}
				for _, key := range keys {
					queue.Add(ctrl.Request{NamespacedName: key})
				}
			}
		}()
		return nil
	})
	err = ctrl.NewControllerManagedBy(manager).
		For(&corev1.Pod{}).
		WatchesRawSource(all).
		WithOptions(controller.Options{MaxConcurrentReconciles: *workers}).
		Complete(p)
	if err != nil {
		panic(err)
	}
	go func() {
		if err := manager.Start(ctx); err != nil {
			panic(err)
		}
	}()
}

func main() {
	flag.Parse()
	log.SetLogger(logr.Discard())
	var result sample
	p := &probe{}
	triggers := make(chan struct{}, 1)
	measured := startMeter()
	start(context.Background(), p, triggers)
	until("the start", func() bool { return p.reconciles.Load() >= *objects })
	result.Start = measured.read()
	time.Sleep(500 * time.Millisecond)
	result.ResidentMiB = residentMiB()

	for pass := range *passes + 1 {
		target := p.reconciles.Load() + *objects
		measured := startMeter()
		triggers <- struct{}{}
		until("a pass", func() bool { return p.reconciles.Load() >= target })
		if pass > 0 {
			spent := measured.read()
			result.Passes.CPUSeconds += spent.CPUSeconds
			result.Passes.WallSeconds += spent.WallSeconds
		}
	}

	time.Sleep(500 * time.Millisecond)
	p.stamping.Store(true)
	post(fmt.Sprintf("/start?events=%d&rate=%d", *idleEvents, *idleRate))
	until("idle events", func() bool { return p.count() >= *idleEvents })
	result.Idle = p.take()

	time.Sleep(500 * time.Millisecond)
	post(fmt.Sprintf("/start?events=%d", *burst))
	until("the burst", func() bool { return p.count() >= *burst })
	result.Burst = p.take()

	time.Sleep(500 * time.Millisecond)
	p.duration.Store(*reconcileMs)
	events := *overloadRate * *overloadSeconds
	post(fmt.Sprintf("/start?events=%d&rate=%d&among=%d", events, *overloadRate, *overloadObjects))
	time.Sleep(time.Duration(*overloadSeconds) * time.Second)
	result.OverloadEnd = monotonic()
	result.Overload = p.take()
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		panic(err)
	}
	// Nobody waits for the caches.
	os.Exit(0)
}
