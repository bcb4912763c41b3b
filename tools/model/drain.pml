/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which task waits for importers before the last close of a device,
 * drivers/vfio/drain.c and vfio_pci_bars_drain().  `tools/model/run` checks it with
 * spin.
 *
 * The model has
 *   File        a file of the device: it is opened, or was open from the start,
 *               and closed: drain_begin, close, drain_end
 *   Importer    maps the buffer of an open device repeatedly; the task that takes
 *               the buffer away waits for it
 *   dev_set     the lock of the device set, which other devices need
 *   memory_lock under which the driver waits for importers
 *
 * It checks, over all interleavings
 *   - the last close finds no importer to wait for: a task has drained, and no
 *     importer could map the buffer after that
 *   - a device that is open, and that no task closes, is not left drained
 *   - no holder of dev_set waits for a task that waits for importers
 *   - nothing deadlocks
 *
 * It leaves out
 *   a transition, which waits for importers under memory_lock, while a close that
 *   was not the last ends what it has drained: that waits with dev_set held.  More
 *   than four files; files that were never granted access.
 *
 * Each BUG_name below breaks one rule; the run script makes sure that each is
 * found.
 */

#ifndef FILES			/* number of files that are open from the start */
#define FILES	2
#endif
#ifndef OPENS			/* number of files that are opened later */
#define OPENS	1
#endif

#define ALL	(FILES + OPENS)

bit dev_set;			/* the locks */
bit memory_lock;

/* struct vfio_device */
byte open_count = FILES;
byte nr_closing;
byte nr_draining;
bit drained;

/* The driver */
bit draining;
bit maps;			/* the importer has the buffer mapped */
bit waits;			/* drain() waits for the importer */
bit open = 1;
byte done;			/* number of files that have ended */

#define lock(l)		atomic { !l -> l = 1 }
#define unlock(l)	l = 0

#define can_map		(open && !draining)

/* vfio_pci_bars_drain() */
inline drain(begin)
{
	/* A holder of dev_set must not wait for a task that waits for importers */
	assert(begin || !waits);
	lock(memory_lock);
	draining = begin;
	if
	:: begin -> waits = 1; !maps; waits = 0
	:: else
	fi;
	unlock(memory_lock)
}

inline drain_begin()
{
#ifdef BUG_COUNT_LATE
	/* Reads the number of closing files without the lock */
	mine = (nr_closing + 1 == open_count);
#endif
	atomic {
		!dev_set -> nr_closing++;
#ifndef BUG_COUNT_LATE
		mine = (nr_closing == open_count);
#endif
		nr_draining = nr_draining + mine
	};
#ifndef BUG_NOBODY_DRAINS
	if
	:: mine -> drain(1)
	:: else
	fi
#endif
}

inline close()
{
	lock(dev_set);
	if
	:: open_count == 1 ->
		assert(draining && !maps);
		open = 0
	:: else
	fi;
	atomic {
		open_count--;
#ifndef BUG_COUNT_APART
		nr_closing--;
#endif
		if
		:: !open_count -> draining = 0	/* the BARs of this opening are gone */
		:: else
		fi
	};
	unlock(dev_set)
}

inline drain_end()
{
	lock(dev_set);
	nr_draining = nr_draining - mine;
#ifdef BUG_COUNT_APART
	nr_closing--;
#endif
#ifdef BUG_OWN_DRAIN_ONLY
	/* The task that has drained ends the drain, and no other task */
	drained = mine;
#else
	drained = drained || mine;
#endif
	if
#ifdef BUG_END_WHILE_CLOSING
	:: drained && !nr_draining && open_count ->
#else
#ifdef BUG_END_WHILE_DRAINING
	:: drained && open_count > nr_closing ->
#else
	:: drained && !nr_draining && open_count > nr_closing ->
#endif
#endif
#ifndef BUG_NO_END
		drain(0);
#endif
		drained = 0
	:: else
	fi;
	if
	:: !open_count -> drained = 0
	:: else
	fi;
	unlock(dev_set)
}

proctype File(bit opened)
{
	bit mine;

	if
	:: !opened ->
		lock(dev_set);
		if
		:: !open_count -> open = 1	/* the first open, after a close */
		:: else
		fi;
		open_count++;
		unlock(dev_set)
	:: else
	fi;

	/* A file may also stay open without an end */
	if
	:: skip
	:: goto out
	fi;
	drain_begin();
	close();
	drain_end();
out:
	done++
}

proctype Importer()
{
end:
	do
	:: atomic { !maps && can_map -> maps = 1 }
	:: maps = 0
	od
}

init
{
	byte i;

	atomic {
		for (i : 1 .. FILES) { run File(1) };
		for (i : 1 .. OPENS) { run File(0) };
		run Importer()
	};
	atomic {
		done == ALL;
		assert(!nr_closing && !nr_draining && !drained);
		assert(!open_count || !draining)
	}
}
