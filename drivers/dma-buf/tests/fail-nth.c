// SPDX-License-Identifier: GPL-2.0-only
/*
 * Allocations that fail on demand, by the fault injection of the slab
 * allocator.
 */
#include <linux/dcache.h>
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/sched.h>

#include "fail-nth.h"

/*
 * failslab skips allocations that may wait for memory, which is all of them here. The
 * switch for that, and the one for a stack trace of every failure, are in debugfs
 * only: the file's inode has a pointer to the variable.
 */
static void *knob(struct kunit *test, const char *name)
{
	struct dentry *dir = debugfs_lookup("failslab", NULL);
	struct dentry *file;
	void *knob;

	if (!dir)
		kunit_skip(test, "there is no failslab in debugfs");
	file = debugfs_lookup(name, dir);
	dput(dir);
	if (!file)
		kunit_skip(test, "there is no failslab/%s in debugfs", name);
	knob = d_inode(file)->i_private;
	dput(file);
	return knob;
}

struct saved {
	bool *ignore_wait;
	unsigned long *verbose;
	bool old_ignore_wait;
	unsigned long old_verbose;
};

static void restore(void *data)
{
	struct saved *saved = data;

	*saved->ignore_wait = saved->old_ignore_wait;
	*saved->verbose = saved->old_verbose;
}

/**
 * fail_nth_init - prepare for failures, until the end of the test
 * @test: the test
 *
 * Skips the test if no allocation can be made to fail.
 */
void fail_nth_init(struct kunit *test)
{
	struct saved *saved = kunit_kzalloc(test, sizeof(*saved), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, saved);
	saved->ignore_wait = knob(test, "ignore-gfp-wait");
	saved->verbose = knob(test, "verbose");
	saved->old_ignore_wait = *saved->ignore_wait;
	saved->old_verbose = *saved->verbose;
	KUNIT_ASSERT_EQ(test, kunit_add_action(test, restore, saved), 0);

	*saved->ignore_wait = false;
	*saved->verbose = 0;
}

/**
 * fail_nth_begin - let the nth allocation from now on fail
 * @nth: counts from 1
 */
void fail_nth_begin(unsigned int nth)
{
	WRITE_ONCE(current->fail_nth, nth);
}

/**
 * fail_nth_end - let all allocations succeed again
 *
 * Return: True if an allocation has failed.
 */
bool fail_nth_end(void)
{
	unsigned int left = READ_ONCE(current->fail_nth);

	WRITE_ONCE(current->fail_nth, 0);
	return !left;
}
