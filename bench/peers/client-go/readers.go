package main

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/client-go/tools/cache"
)

// crowd is goroutines, each on a thread of its own, that list the whole cache in a loop, or at a pace.
type crowd struct {
	stop  atomic.Bool
	wait  sync.WaitGroup
	mutex sync.Mutex
	cpu   float64
	lists uint64
}

// startReaders starts readers that list as often as they can, or pace times a second each. Their first lists are
// spread over one period; who is late does not catch up.
func startReaders(count, pace int, store cache.Store) *crowd {
	c := &crowd{}
	for reader := range count {
		c.wait.Go(func() {
			period := time.Duration(0)
			if pace > 0 {
				period = time.Second / time.Duration(pace)
			}
			due := time.Now().Add(period * time.Duration(reader) / time.Duration(count))
			runtime.LockOSThread()
			before, _ := threadTimes()
			lists, seen := uint64(0), 0
			for !c.stop.Load() {
				if period > 0 {
					time.Sleep(time.Until(due))
					due = due.Add(period)
					if now := time.Now(); now.After(due) {
						due = now
					}
				}
				for _, object := range store.List() {
					if object != nil {
						seen++
					}
				}
				lists++
			}
			after, _ := threadTimes()
			c.mutex.Lock()
			defer c.mutex.Unlock()
			c.cpu += after - before
			c.lists += lists
			runtime.KeepAlive(seen)
		})
	}
	return c
}

func (c *crowd) end() {
	c.stop.Store(true)
	c.wait.Wait()
}

// Stalls is what a reader in a loop waited at most, in milliseconds: by the clock, and less what its thread
// waited for a core during the same reads.
type Stalls struct {
	Get        float64 `json:"get_ms"`
	GetQuiet   float64 `json:"get_quiet_ms"`
	List       float64 `json:"list_ms"`
	ListQuiet  float64 `json:"list_quiet_ms"`
	Gets       uint64  `json:"gets"`
	CPUSeconds float64 `json:"cpu_seconds"`
}

// watchStalls gets objects by keys in a loop until stop is closed, and lists a namespace once per thousand gets.
func watchStalls(store cache.Indexer, keys []string, stop <-chan struct{}) Stalls {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	stalls, next := Stalls{}, uint32(1)
	ran, _ := threadTimes()
	for {
		select {
		case <-stop:
			now, _ := threadTimes()
			stalls.CPUSeconds = now - ran
			return stalls
		default:
		}
		longest := time.Duration(0)
		_, before := threadTimes()
		for range 1000 {
			next = next*1664525 + 1013904223
			started := time.Now()
			_, _, _ = store.GetByKey(keys[int(next>>8)%len(keys)])
			longest = max(longest, time.Since(started))
		}
		_, between := threadTimes()
		namespace, _, _ := cache.SplitMetaNamespaceKey(keys[int(next>>8)%len(keys)])
		started := time.Now()
		_, _ = store.ByIndex(cache.NamespaceIndex, namespace)
		list := time.Since(started)
		_, after := threadTimes()
		stalls.Gets += 1000
		note(longest, between-before, &stalls.Get, &stalls.GetQuiet)
		note(list, after-between, &stalls.List, &stalls.ListQuiet)
	}
}

func note(wait time.Duration, queued float64, longest, quiet *float64) {
	*longest = max(*longest, wait.Seconds()*1e3)
	*quiet = max(*quiet, (wait.Seconds()-queued)*1e3)
}
