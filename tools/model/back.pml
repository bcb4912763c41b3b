/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How a buffer comes back into the domains of an importer: vfio_pci_bars_start()
 * and its work, and drivers/dma-buf/dma-buf-domain-restore.c.  `tools/model/run`
 * checks it with spin.
 *
 * The model has
 *   Outage      takes the buffer away and gives it back, OUTAGES times
 *   Revoker     takes it away permanently
 *   Teller      the work item of the exporter, which notifies the importer
 *   Restorer    the work item of the importer's core, which maps the buffer, and
 *               then one table of a lost span after the other
 *   Filler      a task of the importer that adds a second span, at any time
 *   Ender       clears the spans and ends the mapping, or not
 *   resv, map   the two locks
 *   A work item that is queued while it runs runs once more.
 *
 * It checks, over all interleavings
 *   - while the buffer is away, and after it was revoked, nothing translates
 *   - in the end, if the buffer is there, all of each remaining span translates
 *   - no work item uses freed memory
 *   - nothing deadlocks
 *
 * It leaves out
 *   more than one importer or buffer; memory that is short; the close, which is
 *   a revoke here.
 *
 * found.
 */

#define SPANS	2
#define TABLES	2		/* tables of a span */

mtype = { NONE, FILLED, LOST };	/* the list that a span is on */

bit resv;			/* the locks */
bit map;

/* The exporter */
bit on = 1;
bit dead;
bit away;			/* it relies on nothing being mapped */
bit tell;			/* its work is queued, */
bit telling;			/* or runs */

/* The importer */
bit attached = 1;
bit list = 1;			/* it has the buffer mapped */
bit revoking;
mtype where[SPANS];
byte mapped[SPANS];
bit stopped;			/* the work must not be queued from now on */
bit restore;			/* it is queued, */
bit restoring;			/* or runs */
bit freed;

byte done;

#define lock(l)		atomic { !l -> l = 1 }
#define unlock(l)	l = 0

inline add_table(s)
{
	assert(!away);
	mapped[s]++
}

/* dma_buf_domain_invalidate(), resv held */
inline invalidate()
{
	if
	:: attached ->
		revoking = 1;
		lock(map);
		if
		:: list -> atomic {
			mapped[0] = 0;
			mapped[1] = 0;
			where[0] = (where[0] == FILLED -> LOST : where[0]);
#ifndef BUG_LOST_FORGOTTEN
			where[1] = (where[1] == FILLED -> LOST : where[1]);
#endif
			list = 0
		   }
		:: else
		fi;
		unlock(map)
	:: else
	fi
}

inline take()
{
	lock(resv);
	invalidate();
	unlock(resv);
	!list;
	assert(!mapped[0] && !mapped[1]);
	away = 1
}

proctype Outage()
{
	byte n;

	for (n : 1 .. OUTAGES) {
		on = 0;
		take();
		/* A permanent revoke does not end with the outage */
		atomic { away = dead };
#ifdef BUG_TELL_FIRST
		tell = 1;
		on = !dead
#else
		on = 1;
#ifdef BUG_TELL_IF_IDLE
		/* A task that notifies importers now has read the state already */
		if
		:: !telling -> tell = 1
		:: else
		fi
#else
		tell = 1
#endif
#endif
	}
	done++
}

proctype Revoker()
{
	if
	:: skip
	:: dead = 1;
	   take()
	fi;
	done++
}

proctype Teller()
{
end:
	do
	:: atomic { tell -> tell = 0; telling = 1 };
	   lock(resv);
	   if
	   :: attached && on && !dead -> atomic {
		if
		:: !stopped -> restore = 1
		:: else
		fi
	      }
	   :: else
	   fi;
	   unlock(resv);
	   telling = 0
	od
}

/* dma_buf_domain_publish(): the exporter decides if the buffer can be mapped */
inline publish()
{
	lock(resv);
	assert(!freed);
	if
	:: !list && on && !dead ->
#ifdef BUG_PUBLISH_LATE
		/* Mapped, and visible to a revoke only later */
		unlock(resv);
		lock(resv);
#endif
		lock(map);
#ifndef BUG_REVOKING_STAYS
		revoking = 0;
#endif
		list = 1;
		unlock(map)
	:: else
	fi;
	unlock(resv)
}

proctype Restorer()
{
	byte s;

end:
	do
	:: atomic { restore -> restore = 0; restoring = 1 };
	   publish();
	   do
	   :: lock(map);
	      assert(!freed);
	      if
#ifndef BUG_RESTORES_REVOKED
	      :: !list || revoking -> unlock(map); break
	      :: list && !revoking && where[0] != LOST && where[1] != LOST ->
			unlock(map); break
	      :: list && !revoking && (where[0] == LOST || where[1] == LOST) ->
#else
	      :: where[0] != LOST && where[1] != LOST -> unlock(map); break
	      :: where[0] == LOST || where[1] == LOST ->
#endif
		s = (where[0] == LOST -> 0 : 1);
#ifdef BUG_SPAN_KEPT
		/* The lock is dropped with the span in hand */
		unlock(map);
		lock(map);
#endif
		atomic {
			if
			:: mapped[s] < TABLES -> add_table(s)
			:: else
			fi;
			if
			:: mapped[s] == TABLES -> where[s] = FILLED
			:: else
			fi
		};
		unlock(map)
	      fi
	   od;
	   s = 0;
	   restoring = 0
	od
}

/* dma_buf_domain_clear() */
inline clear(s)
{
	lock(map);
	atomic {
		mapped[s] = 0;
		where[s] = NONE
	};
	unlock(map)
}

/* dma_buf_domain_fill() of the second span */
inline fill()
{
	lock(map);
#ifdef BUG_FILLED_IF_AWAY
	where[1] = FILLED;
#else
	where[1] = (list -> FILLED : LOST);
#endif
	unlock(map);
	do
	:: lock(map);
	   if
	   :: !list || revoking || mapped[1] == TABLES -> unlock(map); break
	   :: list && !revoking && mapped[1] < TABLES ->
		add_table(1);
		unlock(map)
	   fi
	od
}

proctype Importer()
{
	fill();
	/* The attachment may also stay without an end */
	if
	:: skip
	:: clear(0)
	:: clear(1)
	:: clear(0);
	   clear(1);
	   /* dma_buf_domain_unmap() */
	   stopped = 1;
#ifndef BUG_NO_STOP
	   atomic { !restoring -> restore = 0 };
#endif
	   lock(resv);
	   lock(map);
	   list = 0;
	   unlock(map);
	   attached = 0;
	   unlock(resv);
	   freed = 1
	fi;
	done++
}

init
{
	atomic {
		where[0] = FILLED;
		where[1] = NONE;
		mapped[0] = TABLES;
		run Outage();
		run Revoker();
		run Importer();
		run Teller();
		run Restorer()
	};
	atomic {
		done == 3 && !tell && !telling && !restore && !restoring;
		assert(!dead || (!mapped[0] && !mapped[1]));
		assert(dead || where[0] == NONE || mapped[0] == TABLES);
		assert(dead || where[1] == NONE || mapped[1] == TABLES)
	}
}
