/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The protocol between those who reach a BAR (CPU mappings, importers of
 * dma-bufs) and those who take it away (transitions of the device, permanent
 * revoke, device close).  `tools/model/run` checks it with spin.
 *
 * What is modelled
 *   One device with two buffers over the same page:
 *     EXPORTED  a slice that user space exported; it does not keep the device
 *               open, can be revoked for good and outlives the device
 *     IMPLICIT  the buffer under mmap() of the device fd, shared by all VMAs
 *               of the BAR; these VMAs keep the device open
 *   Cpu         export or mmap, accesses with faults, munmap, close
 *   Importer    map, DMA, what it does when it is invalidated, unmap
 *   Transition  everything that takes the memory away for a time, and gives
 *               it back or not: resets, MEM off and on, D3hot, low power
 *   Revoke      the permanent revoke of the slice, killed while it waits or not
 *   Reader      read() of the device: a page fault under memory_lock
 *   Close       the last close of the device, and its removal
 *   One mmap_lock for both Cpus, memory_lock, the gate (rw semaphores: a
 *   waiting writer stops new readers), one dma_resv lock a buffer, the list's
 *   lock; references of buffers, files, the device and the shared state "bars".
 *   A transition takes mmap_lock under memory_lock, as a reset does by way of
 *   the IOMMU group's mutex and the locks of CPU hotplug.
 *
 * What is checked, over all interleavings
 *   - nothing deadlocks: every process comes to its end
 *   - no CPU access and no DMA while the memory is off or in reset, after the
 *     permanent revoke of that buffer has returned 0, or after device close
 *   - no use of a freed device, buffer, file or shared state
 *   - a fault gives SIGBUS only for a dead buffer or memory that is off
 *   - PTEs are gone before importers are waited for
 *   - a buffer whose device is on at the end is not left revoked
 *
 * What is not
 *   Other devices of a hot reset's set (they are locked by trylock, in turn);
 *   huge pages and range lookup (KUnit); the weak memory model (KCSAN);
 *   importers that never let go, unless the waiter is killed; more than two
 *   transitions in a row; opening the device again (a new "bars" each time);
 *   who waits before the last close (KUnit); the type of a page (guest tests),
 *   for a change of which faults wait as in a transition.
 *
 * Each BUG_name below breaks one rule; the run script makes sure that each is
 * found.
 */

#ifndef ACCESSES		/* of each Cpu */
#define ACCESSES	2
#endif
#ifndef BARS			/* Cpus with a mapping of the device fd */
#define BARS		1
#endif
#ifndef SLICES			/* slices, with Cpu, Importer and Revoke */
#define SLICES		1
#endif
#ifndef IMPORTS
#define IMPORTS		1
#endif
#ifndef TRANSITIONS
#define TRANSITIONS	1
#endif
#ifndef REVOKES
#define REVOKES		1
#endif
#ifndef READS
#define READS		1
#endif

#ifndef CLOSES
#define CLOSES		1
#endif

#define NBUF		(1 + BARS)	/* the exported one is always there */
#define EXPORTED	0
#define IMPLICIT	1

mtype = { ON, BUSY, OFF, DEAD };

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
	s.waiting++;
	atomic { !s.writer && !s.readers -> s.writer = 1; s.waiting-- }
}

/* Nothing blocks between the two: one step. */
#define down_up_write(s, what)						\
	s.waiting++;							\
	atomic { !s.writer && !s.readers -> what; s.waiting-- }

/* The device */
rwsem memory_lock;
bit mem_on = 1;			/* it answers */
bit in_reset;
byte devfile;			/* references of its file */
bit closed, dev_freed;

/* "bars": what the device and its buffers share */
rwsem gate;
mtype state = ON;
byte bars = 1;			/* references; the first is the device's */

/* Buffers */
bit linked[NBUF];		/* in the list */
bit dead[NBUF];
bit revoked[NBUF];		/* importers keep out; under resv */
bit returned[NBUF];		/* the permanent revoke said 0 */
bit resv[NBUF];
byte files[NBUF];		/* references of the struct file */
bit file_freed[NBUF];
byte refs[NBUF];		/* of the buffer: its dma_buf, those who walk the list */
bit freed[NBUF];
bit exported;
bit killed;			/* who waited for an importer that hangs */

/* Who reaches them */
rwsem mmap_lock;
bit pte[NBUF];
bit xlat;			/* an importer's translation, of EXPORTED */
bit dma;			/* a transfer is under way */
byte users[NBUF];		/* importers' mappings */

inline may_access(b)
{
	assert(mem_on && !in_reset && !closed && !returned[b] && !freed[b])
}

inline bars_put()
{
	assert(bars > 0);
	bars--
}

inline buffer_put(b)
{
	atomic {
		assert(refs[b] > 0);
		refs[b]--;
		if
		:: !refs[b] -> freed[b] = 1; bars_put()
		:: else
		fi
	}
}

/*
 * The dma_buf goes: perhaps long after its file, if an O_PATH fd holds it.  It
 * is on the list until nobody who walks that uses it.
 */
inline release(b)
{
#ifdef BUG_RELEASE_IN_USE
	atomic { linked[b] = 0; refs[b] = 1 };
#else
	atomic { refs[b] == 1 -> linked[b] = 0 };
#endif
	buffer_put(b)
}

inline file_put(b)
{
	atomic {
		assert(files[b] > 0 && !file_freed[b]);
		files[b]--;
		gone = !files[b];
		file_freed[b] = gone
	};
	if
	:: gone -> release(b)
	:: else
	fi
}

/* A buffer comes into being, in the state that the device is in. */
inline export(b)
{
#ifdef BUG_EXPORT_STALE
	revoked[b] = (state != ON);
#else
	down_read(gate);
	revoked[b] = (state != ON);
#endif
	atomic {
		assert(!dev_freed);
		linked[b] = 1;
		refs[b] = 1;
		bars++
	};
#ifndef BUG_EXPORT_STALE
	up_read(gate)
#endif
}

/* The next buffer of the list, unless it is on its way out. */
inline buffer_get(b)
{
	atomic {
		got = linked[b];
		if
		:: got -> assert(refs[b] > 0); refs[b]++
		:: else
		fi
	}
}

inline zap(b)
{
	atomic {
		assert(!freed[b]);
#ifdef BUG_FILE
		assert(!file_freed[b]);
#endif
		pte[b] = 0
	}
}

inline wait_for_importers(b)
{
#ifdef BUG_NO_WAIT
	skip
#else
#ifdef HUNG
	if
	:: users[b] == 0
	:: users[b] > 0 -> killed = 1
	fi
#else
	users[b] == 0
#endif
#endif
}

inline drain(b)
{
	atomic {
		!resv[b];
		assert(!freed[b] && !pte[b]);
		revoked[b] = 1;
		xlat = (b == EXPORTED -> 0 : xlat);
#ifdef BUG_WAIT_UNDER_RESV
		resv[b] = 1
#endif
	};
	wait_for_importers(b);
	resv[b] = 0
}

inline for_each_zap()
{
	i = 0;
	do
	:: i < NBUF ->
		buffer_get(i);
		if
		:: got -> zap(i); buffer_put(i)
		:: else
		fi;
		i++
	:: else -> break
	od
}

inline for_each_drain()
{
	i = 0;
	do
	:: i < NBUF ->
		buffer_get(i);
		if
		:: got -> drain(i); buffer_put(i)
		:: else
		fi;
		i++
	:: else -> break
	od
}

inline for_each_unrevoke()
{
	i = 0;
	do
	:: i < NBUF ->
		buffer_get(i);
		if
		:: got ->
			atomic {
				!resv[i];
#ifdef BUG_UNREVOKE_DEAD
				revoked[i] = 0
#else
				revoked[i] = dead[i]
#endif
			};
			buffer_put(i)
		:: else
		fi;
		i++
	:: else -> break
	od
}

#define flip(to)	down_up_write(gate, state = to)

inline take_away(to)
{
#ifdef BUG_FLIP_LAST
	for_each_zap();
	flip(to);
#else
	flip(to);
#ifndef BUG_ZAP_LAST
	for_each_zap();
#endif
#endif
	for_each_drain()
#ifdef BUG_ZAP_LAST
	; for_each_zap()
#endif
}

#ifdef BUG_SIGBUS_BUSY
#define no_memory	(state != ON)
#else
#define no_memory	(state == OFF || state == DEAD)
#endif

/* A thread with an mmap of one of the buffers. */
proctype Cpu(byte b)
{
	bit gone, mapped;
	byte left = ACCESSES;

	if
	:: b == EXPORTED ->
		export(b);
		files[b] = 3;		/* fds of Cpu, Importer and Revoke */
		exported = 1;
		devfile--
	:: else
	fi;

	down_write(mmap_lock);
#ifdef BUG_MMAP_MEMORY_LOCK
	down_read(memory_lock);
	up_read(memory_lock);
#endif
#if BARS
	if
	:: b == IMPLICIT ->
		export(b);
		files[b] = 1;		/* it is kept for the next mmap */
#ifndef BUG_VMA_WITHOUT_DEVICE
		devfile++
#endif
	:: else
	fi;
#endif
	if
	:: !dead[b] && state != DEAD -> files[b]++; mapped = 1
	:: else				/* -ENODEV */
	fi;
	up_write(mmap_lock);
	if
	:: b == IMPLICIT -> devfile--	/* closes the fd */
	:: else
	fi;

	do
	:: mapped && left > 0 ->
		left--;
		if
		:: atomic { pte[b] -> may_access(b) }
		:: !pte[b] ->
			down_read(mmap_lock);
#ifdef BUG_FAULT_MEMORY_LOCK
			down_read(memory_lock);
#endif
again:
#ifndef BUG_NO_GATE
			down_read(gate);
#endif
			assert(bars > 0 && !freed[b] && !file_freed[b]);
#ifdef BUG_FAULT_VDEV
			assert(!dev_freed);
#endif
			if
			:: dead[b] || no_memory ->
				assert(dead[b] || state != BUSY);
				assert(b == EXPORTED || state != DEAD);
				left = 0	/* SIGBUS */
			:: !dead[b] && state == ON ->
				pte[b] = 1
#ifndef BUG_SIGBUS_BUSY
			:: !dead[b] && state == BUSY ->
#ifndef BUG_NO_GATE
				up_read(gate);
#endif
#ifdef BUG_FAULT_SLEEPS_LOCKED
				state != BUSY;
				goto again;
#endif
				up_read(mmap_lock);
				state != BUSY;
				down_read(mmap_lock);
				goto again	/* VM_FAULT_RETRY */
#endif
			fi;
#ifndef BUG_NO_GATE
			up_read(gate);
#endif
#ifdef BUG_FAULT_MEMORY_LOCK
			up_read(memory_lock);
#endif
			up_read(mmap_lock)
		fi
	:: mapped ->			/* munmap */
		down_up_write(mmap_lock, pte[b] = 0);
		file_put(b);
#ifndef BUG_VMA_WITHOUT_DEVICE
		if
		:: b == IMPLICIT -> devfile--
		:: else
		fi;
#endif
		mapped = 0
	:: !mapped -> break
	od;

	if
	:: b == EXPORTED -> file_put(b)
	:: else
	fi
}

proctype Importer()
{
	bit gone, got;
	byte rounds = IMPORTS;

	exported;
	do
	:: rounds > 0 ->
		rounds--;
		atomic {
			!resv[EXPORTED];
			assert(!freed[EXPORTED]);
			got = !revoked[EXPORTED];
			if
			:: got -> users[EXPORTED]++; xlat = 1
			:: else			/* -ENODEV */
			fi
		};
		if
		:: got ->
			if
			:: atomic { xlat -> dma = 1 };
			   atomic { may_access(EXPORTED); dma = 0 }
			:: skip
			fi;
#ifdef HUNG
			goto hang;
#endif
			atomic {
				!resv[EXPORTED];
				xlat = 0;
				users[EXPORTED]--
			}
		:: else
		fi
	:: else -> break
	od;
	file_put(EXPORTED);
#ifdef HUNG
hang:
	skip
#endif
}

proctype Transition()
{
	bit got;
	byte i, rounds = TRANSITIONS;

	do
	:: rounds > 0 ->
		rounds--;
		down_write(memory_lock);
		take_away(BUSY);

		in_reset = 1;
		down_up_write(mmap_lock, skip);	/* what a reset may need */
		if
		:: mem_on = 1
		:: mem_on = 0
		fi;
		in_reset = 0;

#ifdef BUG_WALK_FIRST
		if
		:: mem_on -> for_each_unrevoke(); flip(ON)
		:: else -> flip(OFF)
		fi;
#else
		if
		:: mem_on -> flip(ON); for_each_unrevoke()
		:: else -> flip(OFF)
		fi;
#endif
		up_write(memory_lock)
	:: else -> break
	od;

	/* Nobody but Revoke and Close takes anything away any more. */
	atomic {
		assert(state != ON || !linked[0] || dead[0] || !revoked[0]);
#if BARS
		assert(state != ON || !linked[1] || dead[1] || !revoked[1]);
#endif
		devfile--
	}
}

proctype Revoke()
{
	bit gone;

	exported;
#if REVOKES
	down_up_write(gate, dead[EXPORTED] = 1);
#ifndef BUG_NO_ZAP
	zap(EXPORTED);
#endif
	drain(EXPORTED);
	atomic {
		assert(!xlat && !pte[EXPORTED]);
		returned[EXPORTED] = !killed
	};
#endif
	devfile--;
	file_put(EXPORTED)
}

proctype Reader()
{
	down_read(memory_lock);
	down_read(mmap_lock);
	up_read(mmap_lock);
	up_read(memory_lock);
	devfile--
}

proctype Close()
{
	bit got, gone;
	byte i;

	devfile == 0;
	down_write(memory_lock);
	take_away(DEAD);
	mem_on = 0;
	closed = 1;
	up_write(memory_lock);
#if BARS
	file_put(IMPLICIT);
#endif
	bars_put();
	dev_freed = 1			/* the device is removed */
}

init
{
	atomic {
		devfile = BARS + 2 * SLICES + (TRANSITIONS > 0) + READS;
#if SLICES
		run Cpu(EXPORTED);
		run Importer();
		run Revoke();
#endif
#if BARS
		run Cpu(IMPLICIT);
#endif
#if TRANSITIONS
		run Transition();
#endif
#if READS
		run Reader();
#endif
#if CLOSES
		run Close();
#endif
		skip
	}
}
