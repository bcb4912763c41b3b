/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The protocol between the users of a BAR (CPU mappings, an importer) and the
 * tasks that take it away, drivers/vfio/pci/vfio_pci_transition.c.  `tools/model/run`
 * checks it with spin, in many small scenarios.  importers.pml has how importers
 * are invalidated and waited for, list.pml the list of buffers, drain.pml the last
 * close of several files.
 *
 * The model has
 *   One device with two buffers over the same page:
 *     EXPORTED  a slice that user space exported; it does not keep the device
 *               open, can be revoked permanently and outlives the device
 *     IMPLICIT  the buffer under mmap() of the device's file; its VMAs keep the
 *               device open
 *   Cpu         a thread that accesses a mapping, with faults, and unmaps it.
 *               Two threads can share the VMA.  A fault may be one that must not
 *               drop mmap_lock; the thread may be killed in it
 *   Importer    map, DMA, its reaction to an invalidation, unmap; or it hangs
 *   Transition  everything of vfio-pci that takes the memory away for a time,
 *               and gives it back or not: resets, MEM off and on, low power
 *   Outside     a reset by the PCI core: it holds the device lock, and blocks
 *               config accesses of others, such as those of a Transition
 *   Error       an error is reported; then recovery, or none
 *   Settle      the worker that works out the state after these two if another
 *               task holds memory_lock then
 *   Revoke      the permanent revoke of the slice, again if it was killed
 *   Reader      read() of a BAR: iomap.lock, then user memory, then memory_lock
 *   Wc          a change of the memory type: iomap.lock, then a transition
 *   Open        the device is opened, its state is CLOSED until then
 *   Close       drain, the last close of the device, and its removal
 *
 *   Locks: mmap_lock of one mm, memory_lock, iomap.lock (rw semaphores: a
 *   waiting writer stops new readers), bars->lock, the gate.  A transition takes
 *   mmap_lock under memory_lock, as a reset does by way of the IOMMU group's
 *   mutex and the locks of CPU hotplug.  A task that waits for importers can be
 *   killed at any time (KILLS), except in the close.
 *
 * It checks, over all interleavings
 *   - nothing deadlocks: every process comes to its end, and the device to the
 *     state that it is in
 *   - no CPU access and no DMA while the memory is off, in a reset, or in the
 *     recovery from an error, after a revoke that has returned 0, or after the
 *     close.  If the wait for DMA has ended early, because the task was killed
 *     or recovers from an error, DMA may end late, but none begins
 *   - no use of a freed device, buffer, file or shared state
 *   - a fault gives SIGBUS only for a dead buffer or memory that is off
 *   - PTEs are gone before importers are invalidated
 *   - a client that never returns from allocating a page table delays no other task
 *   - after the drain the close has no importer to wait for
 *
 * It leaves out
 *   other devices of a hot reset's set (they are locked by trylock, in turn);
 *   huge pages and range lookup (KUnit); two Outsides at once (the device lock);
 *   opening the device again (a new "bars" each time); the device closed and
 *   opened within one reset; export, and mmap() of a new slice; all of this at
 *   once: the scenarios are in tools/model/run.
 *
 * Each BUG_name below breaks one rule; the run script makes sure that each is
 * found.
 */

#ifndef ACCESSES		/* number of accesses of each Cpu */
#define ACCESSES	1
#endif

#define NBUF		(1 + BARS)
#define EXPORTED	0
#define IMPLICIT	1

mtype = { CLOSED, OFF, BUSY, ON };

/* enum vfio_pci_dma_buf_life */
#define LIVE	0
#define DEAD	1
#define CUT	2
#define DRAINED	3

typedef rwsem {
	byte readers;
	byte waiting;
	bit writer
};

inline down_read(s)	{ atomic { !s.writer && !s.waiting -> s.readers++ } }
inline up_read(s)	{ s.readers-- }
inline up_write(s)	{ s.writer = 0 }
inline down_write(s)
{
	if
	:: atomic { !s.writer && !s.readers -> s.writer = 1 }
	:: atomic { s.writer || s.readers -> s.waiting++ };
	   atomic { !s.writer && !s.readers -> s.writer = 1; s.waiting-- }
	fi
}

/* The device */
rwsem memory_lock, barmap_lock;
bit mem_on = 1;			/* the device answers */
bit in_reset;
bit broken;			/* after an error, until it has recovered */
bit device_lock;		/* the device lock of the driver core */
bit cfg_blocked;		/* blocks config accesses of all tasks but the one that resets */
byte devfile = BARS + TRANSITIONS + READS + WCS + REVOKES;	/* references of its file */
bit closed, dev_freed;
byte opened = !OPENS;		/* 2: the open has failed */

/* struct vfio_pci_bars */
mtype state = (OPENS -> CLOSED : ON);
bit lock;
byte gate;			/* number of its readers */
byte owner;
byte outside;
bit frozen, failed, draining;
bit queued, running;		/* settle */
bit published = 1;
byte bars = 2 + BARS;		/* references: the device, the buffers */

/* Buffers */
bit linked[NBUF] = 1;		/* in the list */
byte life[NBUF] = LIVE;
byte users[NBUF];		/* number of tasks that walk the list */
byte files[NBUF] = 1;		/* references of the struct file; the VMA has one */
bit file_freed[NBUF];
bit freed[NBUF];
bit returned;			/* the revoke has returned 0 */

/* The users of the BAR */
rwsem mmap_lock;
bit mapped[NBUF] = 1;		/* the VMA is there */
bit pte[NBUF];
byte maps;			/* number of importers' mappings of EXPORTED */
bit xlat;			/* an importer's translation */
bit excused;			/* a reset goes on although importers are left */

byte finished;

#define reachable(b)	(mem_on && !in_reset && !closed && !freed[b] && \
			 !(b == EXPORTED && returned))

inline bars_put()
{
	atomic {
		assert(bars > 0);
		bars--
	}
}

/* struct file: the last reference is followed by the release of the dma-buf */
inline file_put(b)
{
	atomic {
		assert(files[b] > 0 && !file_freed[b]);
		files[b]--;
		gone = !files[b];
		file_freed[b] = gone
	};
	if
	:: gone ->
		atomic {
#ifndef BUG_RELEASE_IN_USE
			!users[b] ->
#endif
			linked[b] = 0;
			freed[b] = 1
		};
		bars_put()
	:: else
	fi
}

inline buffer_get(b)
{
	atomic {
		!lock;
		got = linked[b];
		users[b] = users[b] + got
	}
}

inline buffer_unuse(b)
{
	atomic {
		!lock;
		assert(users[b] > 0 && bars > 0);
		users[b]--;
		linked[b] = linked[b] && (users[b] || life[b] != DRAINED)
	}
}

inline zap(b)
{
	atomic {
		assert(!freed[b]);
#ifdef BUG_FILE
		assert(!file_freed[b]);
#endif
		assert(life[b] < CUT || !pte[b]);
		pte[b] = 0
	}
}

inline zap_all()
{
	i = 0;
	do
	:: i < NBUF ->
		buffer_get(i);
		if
		:: got -> zap(i); buffer_unuse(i)
		:: else
		fi;
		i++
	:: else -> i = 0; break
	od
}

/* Only the slice has importers. */
inline tell()
{
	atomic {
		assert(!freed[EXPORTED] && !pte[EXPORTED]);
		xlat = 0
	}
}

inline wait_importers(killable)
{
#ifdef BUG_NO_WAIT
	skip
#else
	if
	:: !maps
#if KILLS
	:: maps && killable -> killed = 1
#endif
	fi
#endif
}

inline take(killable)
{
#ifndef BUG_ZAP_LAST
	zap_all();
#endif
	buffer_get(EXPORTED);
	if
	:: got ->
		tell();
		assert(!closing || !maps);
		wait_importers(killable);
		buffer_unuse(EXPORTED)
	:: else
	fi
#ifdef BUG_ZAP_LAST
	;
	zap_all()
#endif
}

/* Under bars->lock. A spinning lock: its holder does not sleep. */
#define set_state(to)	atomic { gate == 0 -> state = to }

inline change_state(to)
{
	atomic { !lock -> lock = 1 };
	set_state(to);
	lock = 0
}

inline begin()
{
	owner = _pid;
	change_state(BUSY)
}

inline stop(killable)
{
#ifdef BUG_FLIP_LAST
	zap_all();
	begin();
	buffer_get(EXPORTED);
	if
	:: got -> tell(); wait_importers(killable); buffer_unuse(EXPORTED)
	:: else
	fi
#else
	begin();
	take(killable)
#endif
}

#ifdef BUG_OUTSIDE_IGNORED
#define held	(state == CLOSED || draining || frozen)
#else
#ifdef BUG_FROZEN_IGNORED
#define held	(state == CLOSED || draining || outside)
#else
#ifdef BUG_DRAIN_NOT_HELD
#define held	(state == CLOSED || outside || frozen)
#else
#define held	(state == CLOSED || draining || outside || frozen)
#endif
#endif
#endif

#ifdef BUG_FAILED_IGNORED
#define device_state	(mem_on -> ON : OFF)
#else
#define device_state	(mem_on && !failed -> ON : OFF)
#endif

inline start()
{
#ifndef BUG_OWNER_KEPT
	owner = 0;
#endif
#ifdef BUG_FAILED_EARLY
	now = device_state;
#endif
	atomic { !lock -> lock = 1 };
#ifndef BUG_FAILED_EARLY
	now = device_state;
#endif
	if
	:: !held && state != now -> set_state(now)
	:: else
	fi;
	lock = 0;
	now = 0
}

/* vfio_pci_bars.c: these two under a spinlock */
inline outside_begin(error)
{
	atomic {
		counted = 0;
		if
		:: !error && published && owner == _pid
#ifdef BUG_HOLD_OPEN_ONLY
		:: state == CLOSED
#endif
		:: else ->
			if
			:: error -> frozen = 1
			:: else -> outside++
			fi;
			counted = published;
			bars = bars + published
		fi
	}
}

inline outside_end(error)
{
	atomic {
		holds = 0;
		if
		:: error ->
			holds = frozen && !outside;
			frozen = 0
		:: !error && !(published && owner == _pid) ->
			holds = (outside == 1 && !frozen);
			outside = outside - (outside > 0)
		:: else
		fi
	}
}

/* vfio_pci_bars_busy() */
inline busy()
{
	atomic { !lock -> lock = 1 };
	holds = (state != CLOSED);
	if
	:: holds -> set_state(BUSY)
	:: else
	fi;
	lock = 0
}

inline settle()
{
	if
	:: atomic { !memory_lock.writer && !memory_lock.readers ->
		memory_lock.writer = 1
	   };
	   start();
	   up_write(memory_lock)
	:: atomic { memory_lock.writer || memory_lock.readers };
	   atomic { !lock -> queued = queued || state != CLOSED }
	fi
}

/* vfio_pci_bars_end() */
inline end_of(error, fails)
{
	atomic { counted = published; bars = bars + published };
#ifndef BUG_FAILED_LATE
	if
	:: counted -> atomic { !lock -> failed = fails }
	:: else
	fi;
#endif
	outside_end(error);
#ifdef BUG_FAILED_LATE
	if
	:: counted -> atomic { !lock -> failed = fails }
	:: else
	fi;
#endif
	if
	:: counted && holds -> settle(); bars_put()
	:: counted && !holds -> bars_put()
	:: else
	fi
}

inline reset_outside()
{
	atomic { !device_lock -> device_lock = 1; cfg_blocked = 1 };

	/* vfio_pci_core_reset_prepare() */
	outside_begin(0);
	if
	:: counted ->
#ifdef BUG_PREPARE_MEMORY_LOCK
		down_write(memory_lock);
#endif
		busy();
		if
		:: holds -> take(1); excused = killed; killed = 0
		:: else
		fi;
#ifdef BUG_PREPARE_MEMORY_LOCK
		up_write(memory_lock);
#endif
		bars_put()
	:: else
	fi;

	in_reset = 1;
	broken = 0;
	atomic { in_reset = 0; excused = 0 };

	/* vfio_pci_core_reset_done() */
#ifdef BUG_DONE_MEMORY_LOCK
	down_write(memory_lock);
	up_write(memory_lock);
#endif
	end_of(0, 0);
	atomic { cfg_blocked = 0; device_lock = 0 }
}

inline report_error()
{
	outside_begin(1);
	if
	:: counted ->
		busy();
		if
		:: holds ->
			zap_all();
			buffer_get(EXPORTED);
			if
			:: got -> tell(); buffer_unuse(EXPORTED)
			:: else
			fi
		:: else
		fi;
		bars_put()
	:: else
	fi
}

/* A thread with a mapping of one of the buffers. */
proctype Cpu(byte b; bit may_retry)
{
	bit gone, killed;
	byte left = ACCESSES;

	opened;
	if
	:: opened == 2 -> left = 0
	:: else
	fi;

	/* mmap() of another part */
	if
	:: b == IMPLICIT && left ->
		down_write(mmap_lock);
#ifdef BUG_MMAP_MEMORY_LOCK
		down_read(memory_lock);
		up_read(memory_lock);
#endif
		atomic { !lock -> skip };
		up_write(mmap_lock)
	:: else
	fi;

	do
	:: left > 0 ->
again:
		if
		:: atomic {
			pte[b] -> assert(reachable(b) && !broken);
			left--
		   }
		:: !pte[b] ->
			down_read(mmap_lock);
			if
			:: !mapped[b] -> up_read(mmap_lock); goto out
			:: else
			fi;
#ifdef BUG_FAULT_MEMORY_LOCK
			down_read(memory_lock);
#endif
#ifdef BUG_ALLOC_UNDER_GATE
			gate++;
#endif
#if HOSTILE
			if
			:: skip
			:: goto end_allocating
			fi;
#endif
#ifdef BUG_ALLOC_UNDER_GATE
			gate--;
#endif
#ifndef BUG_NO_GATE
			gate++;
#endif
			assert(bars > 0 && !freed[b] && !file_freed[b]);
#ifdef BUG_FAULT_VDEV
			assert(!dev_freed);
#endif
			if
			:: life[b] || state == CLOSED || state == OFF ->
				assert(life[b] || b == EXPORTED || state != CLOSED);
				left = 0	/* SIGBUS */
			:: !life[b] && state == ON ->
				pte[b] = 1
			:: !life[b] && state == BUSY ->
#ifdef BUG_SIGBUS_BUSY
				assert(0);
#endif
#ifndef BUG_NO_GATE
				gate--;
#endif
#ifdef BUG_FAULT_MEMORY_LOCK
				up_read(memory_lock);
#endif
				if
				:: !may_retry ->
#ifdef BUG_NAP_NO_END
					state != BUSY;
#endif
					assert(!killed);
					if
					:: skip
					:: killed = 1
					fi;
					up_read(mmap_lock);
#ifdef BUG_NAP_NO_SIGNAL
					goto again
#else
					if
					:: killed -> goto out
					:: else -> goto again
					fi
#endif
				:: else ->
#ifdef BUG_FAULT_SLEEPS_LOCKED
					state != BUSY;
					up_read(mmap_lock);
#else
#ifndef BUG_FAULT_NO_FILE
					files[b]++;
#endif
					up_read(mmap_lock);
					state != BUSY;
					assert(bars > 0 && !file_freed[b] && !freed[b]);
#ifndef BUG_FAULT_NO_FILE
					file_put(b);
#endif
#endif
					goto again	/* VM_FAULT_RETRY */
				fi
			fi;
#ifndef BUG_NO_GATE
			gate--;
#endif
#ifdef BUG_FAULT_MEMORY_LOCK
			up_read(memory_lock);
#endif
			up_read(mmap_lock);
			if
			:: left -> goto again
			:: else
			fi
		fi
	:: break
	od;
out:
	/* munmap(), by one of the threads */
	down_write(mmap_lock);
	atomic { gone = mapped[b]; mapped[b] = 0; pte[b] = 0 };
	up_write(mmap_lock);
	if
	:: gone ->
		file_put(b);
#ifndef BUG_VMA_WITHOUT_DEVICE
		devfile = devfile - (b == IMPLICIT)
#endif
	:: else
	fi;
	finished++;
	goto end;
end_allocating:
	false;
end:
	skip
}

proctype Importer()
{
	bit gone, got;
	byte rounds = IMPORTS;

	do
	:: rounds > 0 ->
		rounds--;
		atomic {
			assert(!freed[EXPORTED]);
			got = !life[EXPORTED] && state == ON;
			maps = maps + got;
			xlat = xlat || got
		};
		if
		:: got ->
			if
			:: atomic {
				xlat -> assert(reachable(EXPORTED) && !broken)
			   };
			   atomic {
				assert(broken || excused || reachable(EXPORTED))
			   }
			:: skip
			fi;
#if HUNG
			goto hang;
#endif
			atomic { xlat = 0; maps-- }
		:: else			/* -ENODEV */
		fi
	:: else -> break
	od;
	file_put(EXPORTED);
#if HUNG
hang:
#endif
	finished++
}

proctype Transition()
{
	bit got, killed, closing, holds, counted;
	mtype now;
	byte i, rounds = TRANSITIONS;

	do
	:: rounds > 0 ->
		rounds--;
		down_write(memory_lock);
		stop(1);
		if
#ifndef BUG_KILLED_GOES_ON
		:: killed -> killed = 0
		:: else ->
#else
		:: skip ->
#endif
			if
			:: atomic { !device_lock -> device_lock = 1 };
			   in_reset = 1;
#if !HOSTILE
			   /* A lock that a reset may need. A client has an mm of its own. */
			   down_write(mmap_lock);
			   up_write(mmap_lock);
#endif
			   atomic { in_reset = 0; device_lock = 0 }
			:: !cfg_blocked -> mem_on = 1
			:: !cfg_blocked -> mem_on = 0
			fi
		fi;
		start();
		up_write(memory_lock);
		devfile--
	:: else -> break
	od;
#if THEN_OUTSIDE
	reset_outside();
#endif
	finished++
}

proctype Outside()
{
	bit got, killed, closing, holds, counted;
	mtype now;
	byte i;

	reset_outside();
	finished++
}

proctype Error()
{
	bit got, holds, counted;
	mtype now;
	byte i;

	atomic { !device_lock -> device_lock = 1 };
	report_error();
	broken = 1;
	if
	:: atomic {
		!lock -> broken = 0;
#ifdef BUG_RESUME_FORGETS
		frozen = 0
#endif
	   };
	   end_of(1, 0)
	:: skip ->
		report_error();
		end_of(1, 1)
	fi;
	device_lock = 0;
	finished++
}

proctype Settle()
{
	mtype now;

end:
	do
	:: atomic { queued -> queued = 0; running = 1 };
	   assert(!dev_freed);
	   down_write(memory_lock);
	   assert(!dev_freed);
	   start();
	   up_write(memory_lock);
	   running = 0
	od
}

proctype Revoke()
{
	bit got, gone, killed, closing;
	byte rounds = REVOKES;

	do
	:: rounds > 0 && !returned ->
		rounds--;
		killed = 0;
		/* vfio_pci_dma_buf_kill() */
		atomic { !lock -> lock = 1 };
		if
		:: state == CLOSED -> lock = 0; goto out	/* -ENODEV */
		:: else
		fi;
		if
		:: life[EXPORTED] == LIVE ->
			atomic { gate == 0 -> life[EXPORTED] = DEAD }
		:: else
		fi;
		lock = 0;
#ifdef BUG_CUT_FIRST
		life[EXPORTED] = CUT;
#endif
#ifndef BUG_NO_ZAP
		if
		:: life[EXPORTED] < CUT -> zap(EXPORTED)
		:: else
		fi;
#endif
		atomic { !lock -> life[EXPORTED] = CUT };
		tell();
		wait_importers(1);
		if
		:: killed
		:: else ->
			atomic {
				!lock -> life[EXPORTED] = DRAINED;
				linked[EXPORTED] = linked[EXPORTED] && users[EXPORTED];
				assert(!xlat && !pte[EXPORTED]);
				returned = 1
			}
		fi
	:: else -> break
	od;
out:
	devfile = devfile - REVOKES;
	file_put(EXPORTED);
	finished++
}

proctype Reader()
{
	down_read(barmap_lock);
	/* copy_to_user(), perhaps to a BAR */
	down_read(mmap_lock);
	if
	:: state == BUSY ->
		up_read(mmap_lock);
		state != BUSY
	:: state != BUSY -> up_read(mmap_lock)
	fi;
	down_read(memory_lock);
	up_read(memory_lock);
	up_read(barmap_lock);
	devfile--;
	finished++
}

proctype Wc()
{
	bit got;
	mtype now;
	byte i;

#ifndef BUG_BARMAP_LAST
	down_write(barmap_lock);
#endif
	down_write(memory_lock);
#ifdef BUG_BARMAP_LAST
	down_write(barmap_lock);
#endif
	begin();
	zap_all();
#if BARS
	assert(!pte[IMPLICIT]);
#endif
	assert(!pte[EXPORTED]);
	start();
	up_write(memory_lock);
	up_write(barmap_lock);
	devfile--;
	finished++
}

proctype Open()
{
	mtype now;

	/* pci_try_reset_function() */
	if
	:: !device_lock
	:: device_lock -> opened = 2; goto out
	fi;
	down_write(memory_lock);
	change_state(BUSY);
	start();
	up_write(memory_lock);
	opened = 1;
out:
	finished++
}

proctype Close()
{
	bit got, gone, killed, closing;
	mtype now;
	byte i;

	devfile == 0;
	/* vfio_pci_bars_drain() */
	down_write(memory_lock);
	draining = 1;
	change_state(BUSY);
	take(0);
	start();
	up_write(memory_lock);

	down_write(memory_lock);
	change_state(CLOSED);
	closing = 1;
	take(0);
	published = 0;
	closed = 1;
	up_write(memory_lock);
#ifndef BUG_NO_CANCEL
	queued = 0;
	!running;
#endif
#if BARS
	file_put(IMPLICIT);
#endif
	bars_put();
	/* The device is removed */
	atomic { !device_lock -> dev_freed = 1 };
	finished++
}

#define PROCS	(THREADS + BARS + (IMPORTS > 0) + (TRANSITIONS > 0) + OUTSIDES + \
		 ERRORS + (REVOKES > 0) + READS + WCS + OPENS + CLOSES)

init
{
	atomic {
#if BARS
		files[IMPLICIT] = 2;
#endif
#ifdef BUG_VMA_WITHOUT_DEVICE
		devfile = devfile - BARS;
#endif
#if !THREADS
		mapped[EXPORTED] = 0;
#endif
		files[EXPORTED] = (THREADS > 0) + (IMPORTS > 0) + (REVOKES > 0);
#if OUTSIDES + ERRORS + THEN_OUTSIDE
		run Settle();
#endif
#if THREADS
		run Cpu(EXPORTED, 1);
#endif
#if THREADS == 2
		run Cpu(EXPORTED, !NO_RETRY);
#endif
#if BARS
		run Cpu(IMPLICIT, !NO_RETRY);
#endif
#if IMPORTS
		run Importer();
#endif
#if REVOKES
		run Revoke();
#endif
#if TRANSITIONS
		run Transition();
#endif
#if OUTSIDES
		run Outside();
#endif
#if ERRORS
		run Error();
#endif
#if READS
		run Reader();
#endif
#if WCS
		run Wc();
#endif
#if OPENS
		run Open();
#endif
#if CLOSES
		run Close();
#endif
		skip
	};
#if HOSTILE
end:
#endif
	atomic {
		finished == PROCS && !queued && !running;
		assert(state == CLOSED || state == device_state);
		assert(!lock && !gate && (closed || !outside && !frozen))
	}
}
