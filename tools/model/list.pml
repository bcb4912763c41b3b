/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The list of buffers, vfio_pci_bars_next() and the code that takes a buffer off it,
 * drivers/vfio/pci/vfio_pci_slice.c and vfio_pci_revoke.c.  `tools/model/run`
 * checks it with spin.
 *
 * The model has
 *   Walker      walks the list and sleeps at each buffer, of which it is one of
 *               the users
 *   Owner       the owner of a buffer: revokes it completely, or not, and releases it
 *   Everything under bars->lock is one step.
 *
 * It checks, over all interleavings
 *   - a walker is at a buffer of the list, at no buffer that was freed, and comes to
 *     its end; a buffer that was revoked completely leaves the list, once
 *
 * Each BUG_name below breaks one rule; the run script makes sure that each is
 * found.
 */

#define HEAD	0
#define NODES	(1 + BUFS)

byte next[NODES];
byte users[NODES];
bit drained[NODES];
bit freed[NODES];
byte finished;

/* list_del_init() */
inline del(b)
{
	p = HEAD;
	do
	:: next[p] == b || next[p] == HEAD -> break
	:: else -> p = next[p]
	od;
	if
	:: next[p] == b && b != HEAD -> next[p] = next[b]
	:: else
	fi;
	next[b] = b;
	p = HEAD
}

proctype Walker()
{
	byte pos = HEAD, n, p;

	do
	:: atomic {
		assert(!freed[pos] && (pos == HEAD || next[pos] != pos));
		n = next[pos];
		users[n] = users[n] + (n != HEAD);
		if
		:: pos != HEAD ->
			users[pos]--;
			if
			:: !users[pos] && drained[pos] -> del(pos)
			:: else
			fi
		:: else
		fi;
		pos = n;
		n = 0
	   };
	   if
	   :: pos == HEAD -> break
	   :: else
	   fi
	od;
	finished++
}

proctype Owner(byte b)
{
	byte p;

	if
	:: atomic {
		drained[b] = 1;
		if
#ifdef BUG_REMOVE_IN_USE
		:: skip -> del(b)
#else
		:: !users[b] -> del(b)
		:: else
#endif
		fi
	   }
	:: skip
	fi;
	atomic {
#ifndef BUG_FREE_IN_USE
		!users[b] ->
#endif
		assert(!freed[b]);
		del(b);
		freed[b] = 1
	};
	finished++
}

init
{
	byte i;

	atomic {
		for (i : 0 .. BUFS) { next[i] = (i + 1) % NODES };
		for (i : 1 .. BUFS) { run Owner(i) };
		for (i : 1 .. WALKERS) { run Walker() }
	};
	atomic {
		finished == BUFS + WALKERS;
		assert(next[HEAD] == HEAD)
	}
}
