package main

import (
	"sync/atomic"
	"time"
)

// Sample is one process's numbers; its JSON is that of the bench command's own candidates.
type Sample struct {
	BaselineMiB        float64        `json:"baseline_mib"`
	List               Cost           `json:"list"`
	ListPeakMiB        float64        `json:"list_peak_mib"`
	ListResidentMiB    float64        `json:"list_resident_mib"`
	ListResidentRawMiB float64        `json:"list_resident_raw_mib"`
	Watch              *WatchSample   `json:"watch"`
	Relist             *RelistSample  `json:"relist"`
	Sleeper            *SleeperSample `json:"sleeper"`
}

// SleeperSample is what happened beside a handler that sleeps. What it was not told waits.
type SleeperSample struct {
	PeakMiB           float64 `json:"peak_mib"`
	WaitingChanges    uint64  `json:"waiting_changes"`
	WaitingBytes      uint64  `json:"waiting_bytes"`
	ToldBesideSleeper uint64  `json:"told_beside_sleeper"`
	Versions          uint64  `json:"versions"`
	Lost              uint64  `json:"lost"`
	Stale             uint64  `json:"stale"`
}

// WatchSample is the events' part.
type WatchSample struct {
	Cost             Cost    `json:"cost"`
	WriterCPUSeconds float64 `json:"writer_cpu_seconds"`
	Taken            uint64  `json:"taken"`
	Lists            uint64  `json:"lists"`
	LatestMs         uint64  `json:"latest_ms"`
	PeakMiB          float64 `json:"peak_mib"`
	ResidentMiB      float64 `json:"resident_mib"`
}

// RelistSample is the relist's part. Its cost includes the reader's.
type RelistSample struct {
	Cost        Cost    `json:"cost"`
	Stalls      Stalls  `json:"stalls"`
	Idle        Stalls  `json:"idle"`
	PeakMiB     float64 `json:"peak_mib"`
	ResidentMiB float64 `json:"resident_mib"`
}

// lateness compares when versions arrive with when a paced server was due to send them.
type lateness struct {
	first   uint64
	rate    int
	started time.Time
	longest atomic.Uint64
}

func (l *lateness) expect(first uint64, rate int) {
	l.first, l.rate, l.started = first, rate, time.Now()
}

func (l *lateness) note(version uint64) {
	if l.rate == 0 || version <= l.first {
		return
	}
	due := time.Duration(version-l.first) * time.Second / time.Duration(l.rate)
	if late := time.Since(l.started) - due; late > 0 {
		l.longest.Store(max(l.longest.Load(), uint64(late.Milliseconds())))
	}
}
