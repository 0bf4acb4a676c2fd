package main

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

type settings struct {
	address         string
	objects         int
	events          uint64
	rate            int
	readers, pace   int
	protobuf, strip bool
	plain           bool
	sleeper         string
	relist, settle  bool
}

func parse(arguments []string) settings {
	var s settings
	flags := flag.NewFlagSet("measure", flag.ExitOnError)
	flags.StringVar(&s.address, "address", "", "where the server is")
	flags.IntVar(&s.objects, "objects", 0, "how many pods it has")
	flags.Uint64Var(&s.events, "events", 0, "how many events to ask for")
	flags.IntVar(&s.rate, "rate", 0, "events per second; 0: as fast as they go")
	flags.IntVar(&s.readers, "readers", 0, "goroutines that list the cache during the events")
	flags.BoolVar(&s.protobuf, "protobuf", false, "protobuf instead of JSON")
	flags.BoolVar(&s.strip, "strip", false, "a transform that removes managedFields")
	flags.BoolVar(&s.plain, "plain", false, "a plain list, not a streamed one")
	flags.IntVar(&s.pace, "pace", 0, "lists per second of each of them; 0: as many as they can")
	flags.StringVar(&s.sleeper, "sleeper", "", "a handler that does not return from the first event, and one beside it")
	flags.BoolVar(&s.relist, "relist", false, "measure a relist")
	flags.BoolVar(&s.settle, "settle", false, "measure the memory of the filled cache")
	_ = flags.Parse(arguments)
	return s
}

// start is the order that starts the events.
func (s settings) start() string {
	return fmt.Sprintf("/start?events=%d&rate=%d", s.events, s.rate)
}

// handler counts, and knows the version of the last object it was given.
type handler struct {
	added, updated atomic.Uint64
	version        atomic.Uint64
	blocked        atomic.Bool
	changed        chan struct{}
	lateness       lateness
}

func (h *handler) wake() {
	select {
	case h.changed <- struct{}{}:
	default:
	}
}

func (h *handler) OnAdd(object any, _ bool) {
	h.added.Add(1)
	h.wake()
}

func (h *handler) OnUpdate(_, object any) {
	if h.blocked.Load() {
		select {}
	}
	version := parseVersion(object.(*corev1.Pod).ResourceVersion)
	h.updated.Add(1)
	h.version.Store(version)
	h.lateness.note(version)
	h.wake()
}

func (h *handler) OnDelete(any) {}

// until waits until done says so, which is asked after each notification.
func (h *handler) until(done func() bool) {
	for !done() {
		select {
		case <-h.changed:
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func parseVersion(text string) uint64 {
	version, _ := strconv.ParseUint(text, 10, 64)
	return version
}

func newInformer(s settings) (cache.SharedIndexInformer, informers.SharedInformerFactory, error) {
	// No limit on its own rate, as everybody here; the timeout of a server that does not answer is not under test.
	config := &rest.Config{Host: "http://" + s.address, QPS: -1}
	if s.protobuf {
		config.ContentType = runtime.ContentTypeProtobuf
		config.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	} else {
		config.ContentType = runtime.ContentTypeJSON
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, nil, err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	informer := factory.Core().V1().Pods().Informer()
	// The factory's informer has the index by namespace already.
	err = informer.AddIndexers(cache.Indexers{"node": func(object any) ([]string, error) {
		return []string{object.(*corev1.Pod).Spec.NodeName}, nil
	}})
	if err == nil && s.strip {
		err = informer.SetTransform(func(object any) (any, error) {
			if accessor, ok := object.(metav1.ObjectMetaAccessor); ok {
				accessor.GetObjectMeta().SetManagedFields(nil)
			}
			return object, nil
		})
	}
	return informer, factory, err
}

func measure(s settings) (*Sample, error) {
	if s.plain {
		// Where client-go reads its feature gates.
		if err := os.Setenv("KUBE_FEATURE_WatchListClient", "false"); err != nil {
			return nil, err
		}
	}
	sample := &Sample{BaselineMiB: memoryMiB("VmRSS")}
	m := startMeter()
	informer, factory, err := newInformer(s)
	if err != nil {
		return nil, err
	}
	h := &handler{changed: make(chan struct{}, 1)}
	if _, err := informer.AddEventHandler(h); err != nil {
		return nil, err
	}
	factory.Start(make(chan struct{}))
	h.until(func() bool { return h.added.Load() >= uint64(s.objects) && informer.HasSynced() })
	sample.List, sample.ListPeakMiB = m.read(), memoryMiB("VmHWM")
	if held := len(informer.GetStore().ListKeys()); held != s.objects {
		return nil, fmt.Errorf("the store holds %d objects", held)
	}
	time.Sleep(500 * time.Millisecond)
	sample.ListResidentRawMiB = memoryMiB("VmRSS")
	sample.ListResidentMiB = sample.ListResidentRawMiB
	if s.settle {
		sample.ListResidentMiB = collected()
	}
	if s.sleeper != "" {
		sample.Sleeper, err = measureSleeper(s, informer, h)
		return sample, err
	}
	if s.events > 0 {
		if sample.Watch, err = measureWatch(s, informer, h); err != nil {
			return nil, err
		}
	}
	if s.relist {
		if sample.Relist, err = measureRelist(s, informer); err != nil {
			return nil, err
		}
	}
	return sample, nil
}

func measureWatch(s settings, informer cache.SharedIndexInformer, h *handler) (*WatchSample, error) {
	last := parseVersion(informer.LastSyncResourceVersion()) + s.events
	readers := startReaders(s.readers, s.pace, informer.GetStore())
	m := startMeter()
	h.lateness.expect(last-s.events, s.rate)
	if err := post(s.address, s.start()); err != nil {
		return nil, err
	}
	h.until(func() bool { return h.version.Load() >= last })
	watch := &WatchSample{Cost: m.read()}
	readers.end()
	watch.WriterCPUSeconds = m.read().CPUSeconds - readers.cpu
	watch.Lists, watch.Taken = readers.lists, h.updated.Load()
	watch.LatestMs = h.lateness.longest.Load()
	time.Sleep(500 * time.Millisecond)
	watch.PeakMiB, watch.ResidentMiB = memoryMiB("VmHWM"), memoryMiB("VmRSS")
	return watch, nil
}

// measureSleeper lets the handler sleep through the events, beside another one that does not.
func measureSleeper(s settings, informer cache.SharedIndexInformer, h *handler) (*SleeperSample, error) {
	other := &handler{changed: make(chan struct{}, 1)}
	if _, err := informer.AddEventHandler(other); err != nil {
		return nil, err
	}
	other.until(func() bool { return other.added.Load() >= uint64(s.objects) })
	h.blocked.Store(s.sleeper != "nobody")
	resetPeak()
	last := parseVersion(informer.LastSyncResourceVersion()) + s.events
	if err := post(s.address, s.start()); err != nil {
		return nil, err
	}
	other.until(func() bool { return other.version.Load() >= last })
	told := other.updated.Load()
	return &SleeperSample{
		PeakMiB: memoryMiB("VmHWM"), WaitingChanges: told - h.updated.Load(), ToldBesideSleeper: told, Versions: told,
		Lost: max(s.events, told) - min(s.events, told),
	}, nil
}

func measureRelist(s settings, informer cache.SharedIndexInformer) (*RelistSample, error) {
	keys := informer.GetStore().ListKeys()
	idle := startStalls(informer.GetIndexer(), keys)
	time.Sleep(time.Second)
	idleStalls := idle()
	resetPeak()
	before := informer.LastSyncResourceVersion()
	end := startStalls(informer.GetIndexer(), keys)
	m := startMeter()
	if err := post(s.address, "/relist"); err != nil {
		return nil, err
	}
	for informer.LastSyncResourceVersion() == before {
		time.Sleep(5 * time.Millisecond)
	}
	time.Sleep(time.Second)
	relist := &RelistSample{Stalls: end(), Idle: idleStalls, Cost: m.read(), PeakMiB: memoryMiB("VmHWM")}
	relist.Cost.CPUSeconds -= relist.Stalls.CPUSeconds
	relist.ResidentMiB = memoryMiB("VmRSS")
	return relist, nil
}

// startStalls starts a reader that notes its longest wait; the function it returns ends it.
func startStalls(store cache.Indexer, keys []string) func() Stalls {
	stop, stalls := make(chan struct{}), make(chan Stalls, 1)
	go func() { stalls <- watchStalls(store, keys, stop) }()
	return func() Stalls {
		close(stop)
		return <-stalls
	}
}

func post(address, path string) error {
	response, err := http.Post("http://"+address+path, "", nil)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the server refused %s: %s", path, response.Status)
	}
	return nil
}
