/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How a buffer that goes away is invalidated for importers, and the waits for them,
 * drivers/vfio/pci/vfio_pci_slice.c and dma-buf-importers.c.  `tools/model/run`
 * checks it with spin.
 *
 * The model has
 *   BUFS slices of one device, each with an importer
 *   Importer    matches, attaches, maps; its device works, with a fence; when it
 *               is invalidated it waits for the fence and unmaps
 *   Transition  takes all slices away: invalidates all, trylock first, then waits
 *   Revoke      takes the first one away permanently
 *   Client      holds the first slice's reservation lock, and adds a fence that
 *               never signals (CLIENT)
 *   Memory      a store of one CPU that another may not see yet: of @life, of
 *               @state and the epoch, of an attachment.  A lock shows the stores
 *               under it to the next holder, a barrier shows them to all.  One slice
 *               (STORES); with two every store is seen at once
 *
 * It checks, over all interleavings
 *   - when a transition or revoke is done no importer has a slice, and no device
 *     works on it
 *   - no task waits for an importer that was not invalidated: all end
 *   - before the wait for the first lock or importer, all other importers are
 *     invalidated whose lock was free
 *   - no task waits for a fence of user space
 *   - a revoke ends although another task waits without end for another slice (HUNG)
 *
 * It leaves out
 *   CPUs, resets and the close: bar_mmap.pml
 *
 * Each BUG_name below breaks one rule; the run script makes sure that each is
 * found.
 */

#define LIVE	0
#define DEAD	1

/* struct vfio_pci_bars: the values in memory, and stores that are on their way */
bit on = 1;
byte epoch = 1;
bit on_stored;			/* on = 1 is on its way */
bit epoch_stored;		/* epoch + 1 is */
bit lock;			/* bars->lock, gate */

typedef buf_t {
	bit life;
	bit life_stored;
	bit resv;
	bit attached;
	bit attached_stored;
	bit matching;
	byte nr_maps;
	byte told;
	bit xlat;		/* the importer may use it */
	bit fence;		/* its device works */
	bit user_fence;
	bit tried;		/* to invalidate it, in this transition */
	bit done		/* a revoke has returned 0 */
};
buf_t buf[BUFS];
bit off;			/* a transition has ended its waits */

/* The next holder of a lock sees all stores under it, by any task */
#define resv_free(b)	(!buf[b].resv && !buf[b].attached_stored)
#define lock_free	(!lock && !on_stored && !epoch_stored && !buf[0].life_stored)

#if STORES
#define store_attached(b)	buf[b].attached_stored = 1
#define store_dead()		buf[0].life_stored = 1
#ifdef BUG_NO_EPOCH
#define store_on()		on_stored = 1
#else
#define store_on()		epoch_stored = 1; on_stored = 1
#endif
#else
#define store_attached(b)	buf[b].attached = 1
#define store_dead()		buf[0].life = DEAD
#define store_on()		epoch++; on = 1
#endif

inline tell_locked(b)
{
	/* vfio_pci_dma_buf_tell(): the caller holds the resv */
	seen = epoch;
	if
	:: buf[b].told == seen
	:: else ->
		atomic { buf[b].xlat = 0; buf[b].told = seen }
	fi
}

inline is_quiet(b)
{
#ifndef BUG_QUIET_NO_BARRIER
	!buf[b].life_stored;
#endif
	quiet = !buf[b].attached;
#ifndef BUG_QUIET_NO_MATCHING
	quiet = quiet && !buf[b].matching;
#endif
	quiet = quiet && !buf[b].nr_maps
}

/* Called before the first wait that may take long */
inline all_tried(b)
{
	assert((b == 0 || buf[0].tried) && (b == BUFS - 1 || buf[BUFS - 1].tried))
}

inline drain(b)
{
#ifndef BUG_NO_FENCES
	/* A snapshot, under the lock */
	atomic { resv_free(b) -> fences = buf[b].attached && buf[b].fence };
#ifdef BUG_USER_FENCES
	!buf[b].user_fence;
#endif
	!fences || !buf[b].fence
#else
	skip
#endif
}

proctype Transition()
{
	bit quiet, fences, left;
	byte i, seen, rounds = TRANSITIONS;

	do
	:: rounds > 0 ->
		rounds--;
		atomic { lock_free -> on = 0 };
		left = 0;
		atomic { buf[0].tried = 0; buf[BUFS - 1].tried = 0 };
		i = 0;
		do
		:: i < BUFS ->
			is_quiet(i);
			if
			:: quiet
			:: !quiet ->
				if
				:: atomic { resv_free(i) -> buf[i].resv = 1 };
				   tell_locked(i);
				   buf[i].resv = 0;
#ifdef BUG_WAIT_ONE_BY_ONE
				   all_tried(i);
				   drain(i);
				   !buf[i].nr_maps
#endif
				:: atomic { !resv_free(i) -> left = 1 };
#ifdef BUG_TELL_IN_ORDER
				   all_tried(i);
				   atomic { resv_free(i) -> buf[i].resv = 1 };
				   tell_locked(i);
				   buf[i].resv = 0
#endif
				fi
			fi;
			buf[i].tried = 1;
			i++
		:: else -> break
		od;
		i = 0;
		do
		:: left && i < BUFS ->
			is_quiet(i);
			if
			:: quiet
			:: !quiet ->
				all_tried(i);
				atomic { resv_free(i) -> buf[i].resv = 1 };
				tell_locked(i);
				buf[i].resv = 0
			fi;
			i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < BUFS ->
			all_tried(i);
#ifdef BUG_LOCK_OVER_WAIT
			atomic { lock_free -> lock = 1 };
#endif
			drain(i);
#ifdef BUG_WAIT_UNDER_RESV
			atomic { resv_free(i) -> buf[i].resv = 1 };
#endif
#if HUNG
end_hung:
#endif
			!buf[i].nr_maps;
#ifdef BUG_WAIT_UNDER_RESV
			buf[i].resv = 0;
#endif
#ifdef BUG_LOCK_OVER_WAIT
			lock = 0;
#endif
			i++
		:: else -> break
		od;
		off = 1;
		off = 0;
		/* ON again */
		atomic {
			lock_free ->
			store_on()
		}
	:: else -> break
	od
}

proctype Revoke()
{
	bit quiet, fences;
	byte seen;

	/* The epoch decides whether importers are invalidated */
	atomic { lock_free -> store_dead() };
	is_quiet(0);
	if
	:: quiet
	:: !quiet ->
		atomic { resv_free(0) -> buf[0].resv = 1 };
		tell_locked(0);
		buf[0].resv = 0;
		drain(0);
		!buf[0].nr_maps
	fi;
	buf[0].done = 1
}

proctype Importer(byte b)
{
	bit alive, ok;
	byte rounds = IMPORTS;

	do
	:: rounds > 0 && !buf[b].done ->
		rounds--;
		/* vfio_pci_dma_buf_match() */
		buf[b].matching = 1;
		atomic { resv_free(b) -> buf[b].resv = 1 };
		alive = !buf[b].life;
		ok = alive && on;
		/* The match asks the function for the route */
		assert(!ok || !off && !buf[b].done);
		buf[b].resv = 0;
		buf[b].matching = 0;
		if
		:: !ok -> goto next
		:: else
		fi;
		atomic { resv_free(b) -> store_attached(b) };
		/* Its own stores do not keep it from the lock */
		atomic { !buf[b].resv -> buf[b].resv = 1 };
#ifndef BUG_MAP_NO_BARRIER
		!buf[b].attached_stored;
#endif
		alive = !buf[b].life;
		ok = alive && on;
		if
		:: ok -> atomic {
			assert(!off && !buf[b].done);
			buf[b].nr_maps = 1;
			buf[b].xlat = 1
		   }
		:: else
		fi;
		buf[b].resv = 0;
		if
		:: ok ->
			/* Its device works, until after the unmap perhaps */
			if
			:: atomic { buf[b].xlat -> buf[b].fence = 1 }
			:: skip
			fi;
#if HUNG
			if
			:: b == 1 -> buf[b].fence = 0; goto end_hangs
			:: else
			fi;
#endif
#if KEEPS
end_keeps:		/* until it is invalidated */
			!buf[b].xlat;
#endif
			atomic {
				resv_free(b) -> assert(!off && !buf[b].done);
				buf[b].xlat = 0;
				buf[b].nr_maps = 0
			};
			atomic {
				assert(!buf[b].fence || !off && !buf[b].done);
				buf[b].fence = 0
			}
		:: else
		fi;
		atomic { resv_free(b) -> buf[b].attached = 0 };
next:
		skip
	:: else -> break
	od;
	goto out;
end_hangs:
	false;
out:
	skip
}

proctype Client()
{
	if
	:: atomic { resv_free(0) -> buf[0].resv = 1 };
	   buf[0].user_fence = 1;
	   buf[0].resv = 0
	:: skip
	fi
}

/* smp_store_release() of the state */
#ifdef BUG_EPOCH_UNORDERED
#define after_epoch	1
#else
#define after_epoch	!epoch_stored
#endif

proctype Memory()
{
end:
	do
	:: atomic { buf[0].life_stored -> buf[0].life_stored = 0; buf[0].life = DEAD }
	:: atomic { epoch_stored -> epoch_stored = 0; epoch++ }
	:: atomic { on_stored && after_epoch -> on_stored = 0; on = 1 }
	:: atomic { buf[0].attached_stored -> buf[0].attached_stored = 0; buf[0].attached = 1 }
	od
}

init
{
	atomic {
#if STORES
		run Memory();
#endif
#if !HUNG
		run Importer(0);
#endif
#if BUFS > 1
		run Importer(1);
#endif
#if TRANSITIONS
		run Transition();
#endif
#if REVOKES
		run Revoke();
#endif
#if CLIENT
		run Client();
#endif
		skip
	}
}
