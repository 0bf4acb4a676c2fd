// The Go side of `bench queue`: client-go's classic queue and controller-runtime's priority queue, one measurement
// per process, printed as JSON.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
)

type queue = workqueue.TypedRateLimitingInterface[types.NamespacedName]

type sample struct {
	OneAtATime float64 `json:"one_at_a_time"`
	FillDrain  float64 `json:"fill_drain"`
	Duplicate  float64 `json:"duplicate"`
	Crowd      float64 `json:"crowd"`
	CrowdWall  float64 `json:"crowd_wall"`
	Bytes      float64 `json:"bytes"`
}

func newQueue(kind string) queue {
	switch kind {
	case "classic":
		return workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[types.NamespacedName]())
	case "priority":
		return priorityqueue.New[types.NamespacedName]("")
	}
	panic("unknown queue " + kind)
}

func keys(count int) []types.NamespacedName {
	keys := make([]types.NamespacedName, count)
	for i := range keys {
		keys[i] = types.NamespacedName{Namespace: fmt.Sprintf("namespace-%02d", i%40), Name: fmt.Sprintf("object-%08d", i)}
	}
	return keys
}

// cpu is the process's CPU time, collector included.
func cpu() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func per(start time.Duration, count int) float64 {
	return float64(cpu()-start) / float64(count)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

func take(q queue) types.NamespacedName {
	key, shutdown := q.Get()
	if shutdown {
		panic("shut down")
	}
	return key
}

func oneAtATime(q queue, keys []types.NamespacedName, rounds int) float64 {
	start := cpu()
	for i := range rounds {
		q.Add(keys[i%len(keys)])
		q.Done(take(q))
	}
	return per(start, rounds)
}

func fillDrain(q queue, keys []types.NamespacedName, repeat int) float64 {
	start := cpu()
	for range repeat {
		for _, key := range keys {
			q.Add(key)
		}
		for range keys {
			q.Done(take(q))
		}
	}
	return per(start, repeat*len(keys))
}

func duplicate(q queue, keys []types.NamespacedName, rounds int) float64 {
	for _, key := range keys {
		q.Add(key)
	}
	start := cpu()
	for i := range rounds {
		q.Add(keys[i%len(keys)])
	}
	result := per(start, rounds)
	for range keys {
		q.Done(take(q))
	}
	return result
}

// crowd: as many producers as workers; every key is added once per round. Counted per add: some merge.
func crowd(q queue, keys []types.NamespacedName, each, rounds int) (float64, float64) {
	var workers, producers sync.WaitGroup
	start, wall := cpu(), time.Now()
	for range each {
		workers.Go(func() {
			for {
				key, shutdown := q.Get()
				if shutdown {
					return
				}
				q.Done(key)
			}
		})
	}
	for producer := range each {
		producers.Go(func() {
			for range rounds {
				for i := producer; i < len(keys); i += each {
					q.Add(keys[i])
				}
			}
		})
	}
	producers.Wait()
	for q.Len() > 0 {
		time.Sleep(100 * time.Microsecond)
	}
	count := rounds * len(keys)
	elapsed, used := time.Since(wall), cpu()-start
	q.ShutDown()
	workers.Wait()
	return float64(used) / float64(count), float64(elapsed) / float64(count)
}

func main() {
	kind := flag.String("queue", "classic", "classic or priority")
	count := flag.Int("keys", 1000, "number of keys")
	rounds := flag.Int("rounds", 1_000_000, "operations per figure")
	each := flag.Int("each", 4, "producers, and workers")
	threads := flag.Int("threads", 2, "GOMAXPROCS")
	flag.Parse()
	runtime.GOMAXPROCS(*threads)
	keys := keys(*count)
	repeat := max(*rounds / *count, 1)
	var result sample

	// Memory first, in a heap without garbage of other figures.
	debug.SetGCPercent(100)
	q := newQueue(*kind)
	before := heap()
	for _, key := range keys {
		q.Add(key)
	}
	for q.Len() < *count {
		time.Sleep(time.Millisecond)
	}
	result.Bytes = float64(heap()-before) / float64(*count)
	for range keys {
		q.Done(take(q))
	}
	oneAtATime(q, keys, *rounds/10)
	result.OneAtATime = oneAtATime(q, keys, *rounds)
	result.FillDrain = fillDrain(q, keys, repeat)
	result.Duplicate = duplicate(q, keys, *rounds)
	result.Crowd, result.CrowdWall = crowd(q, keys, *each, repeat)
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		panic(err)
	}
}
