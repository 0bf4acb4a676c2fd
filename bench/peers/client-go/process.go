package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Cost is time spent by all threads of the process, user and system, and by the clock on the wall.
type Cost struct {
	CPUSeconds  float64 `json:"cpu_seconds"`
	WallSeconds float64 `json:"wall_seconds"`
}

// meter is a running measurement of time.
type meter struct {
	cpu     float64
	started time.Time
}

func startMeter() meter { return meter{cpu: cpuSeconds(), started: time.Now()} }

func (m meter) read() Cost {
	return Cost{CPUSeconds: cpuSeconds() - m.cpu, WallSeconds: time.Since(m.started).Seconds()}
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	seconds := func(v syscall.Timeval) float64 { return float64(v.Sec) + float64(v.Usec)/1e6 }
	return seconds(usage.Utime) + seconds(usage.Stime)
}

// threadTimes is what this thread ran and what it waited for a core, in seconds.
func threadTimes() (ran, waited float64) {
	text, err := os.ReadFile("/proc/thread-self/schedstat")
	if err != nil {
		return 0, 0
	}
	fields := strings.Fields(string(text))
	first, _ := strconv.ParseFloat(fields[0], 64)
	second, _ := strconv.ParseFloat(fields[1], 64)
	return first / 1e9, second / 1e9
}

// memoryMiB is a line of /proc/self/status, such as VmRSS or VmHWM.
func memoryMiB(name string) float64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		var kibibytes float64
		if n, _ := fmt.Sscanf(line, name+": %f kB", &kibibytes); n == 1 {
			return kibibytes / 1024
		}
	}
	return 0
}

// resetPeak makes VmHWM start again from what is resident now.
func resetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

// collected is the resident memory after two forced collections whose pages went back to the kernel.
func collected() float64 {
	runtime.GC()
	runtime.GC()
	debug.FreeOSMemory()
	time.Sleep(500 * time.Millisecond)
	return memoryMiB("VmRSS")
}
