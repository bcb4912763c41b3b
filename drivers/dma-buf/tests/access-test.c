// SPDX-License-Identifier: GPL-2.0-only
/*
 * How the mode of a buffer's file restricts importers, if the exporter asks for
 * that.
 */
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/mm.h>

#include "mapping-test.h"

struct access_case {
	const char *name;
	int flags;
	bool follows;
	bool may_write;
};

static const struct access_case access_cases[] = {
	{ "read-only", O_RDONLY, true, false },
	{ "read and write", O_RDWR, true, true },
	{ "write-only", O_WRONLY, true, true },
	{ "read-only, exporter does not care", O_RDONLY, false, true },
	{ "read and write, exporter does not care", O_RDWR, false, true },
};

KUNIT_ARRAY_PARAM_DESC(access, access_cases, name);

static void put_buffer(void *dmabuf)
{
	dma_buf_put(dmabuf);
	flush_delayed_fput();
}

static struct dma_buf *export(struct kunit *test, struct fake_exporter *exp)
{
	const struct access_case *c = test->param_value;
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct dma_buf *dmabuf;

	exp->ops.dma_follows_file_mode = c->follows;
	info.ops = &exp->ops;
	info.size = FAKE_SIZE;
	info.flags = c->flags;
	info.priv = exp;
	dmabuf = dma_buf_export(&info);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dmabuf);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, put_buffer, dmabuf),
			0);
	return dmabuf;
}

static void try_direction(struct kunit *test, struct dma_buf_attachment *attach,
			  enum dma_data_direction dir, bool allowed)
{
	struct fake_exporter *exp = to_fake_exporter(attach->dmabuf);
	unsigned int maps = exp->calls.map;
	struct sg_table *sgt;

	sgt = dma_buf_sgt_map_attachment_unlocked(attach, dir);
	if (!allowed) {
		KUNIT_EXPECT_PTR_EQ(test, sgt, ERR_PTR(-EPERM));
		/* The core did not call the exporter */
		KUNIT_EXPECT_EQ(test, exp->calls.map, maps);
		return;
	}
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, sgt);
	dma_buf_sgt_unmap_attachment_unlocked(attach, sgt, dir);
}

static void direction_test(struct kunit *test)
{
	const struct access_case *c = test->param_value;
	struct fake_exporter *exp = fake_exporter(test, FAKE_SIMPLE);
	struct dma_buf *dmabuf = export(test, exp);
	struct dma_buf_attachment *attach;

	KUNIT_EXPECT_EQ(test, dma_buf_device_may_write(dmabuf), c->may_write);

	attach = dma_buf_attach(dmabuf, fake_device(test, "importer"));
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, attach);
	try_direction(test, attach, DMA_TO_DEVICE, true);
	try_direction(test, attach, DMA_FROM_DEVICE, c->may_write);
	try_direction(test, attach, DMA_BIDIRECTIONAL, c->may_write);
	dma_buf_detach(dmabuf, attach);
}

static int fake_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	return 0;
}

/* dma_buf_mmap() by an importer whose own file is writable */
static vm_flags_t try_mmap(struct kunit *test, struct dma_buf *dmabuf,
			   vm_flags_t flags, int ret)
{
	struct vm_area_struct vma;

	vma_init(&vma, current->mm);
	vma.vm_start = 0;
	vma.vm_end = PAGE_SIZE;
	vma.vm_file = get_file(dmabuf->file);
	vm_flags_init(&vma, flags | VM_MAYREAD | VM_MAYWRITE);

	mmap_write_lock(current->mm);
	KUNIT_EXPECT_EQ(test, dma_buf_mmap(dmabuf, &vma, 0), ret);
	mmap_write_unlock(current->mm);
	fput(vma.vm_file);
	return vma.vm_flags;
}

static void mmap_test(struct kunit *test)
{
	const struct access_case *c = test->param_value;
	struct fake_exporter *exp = fake_exporter(test, FAKE_SIMPLE);
	struct dma_buf *dmabuf;
	vm_flags_t flags;

	KUNIT_ASSERT_EQ(test, kunit_attach_mm(), 0);
	exp->ops.mmap = fake_mmap;
	dmabuf = export(test, exp);

	try_mmap(test, dmabuf, VM_SHARED | VM_READ | VM_WRITE,
		 c->may_write ? 0 : -EACCES);
	flags = try_mmap(test, dmabuf, VM_SHARED | VM_READ, 0);
	/* mprotect() cannot make it writable */
	KUNIT_EXPECT_EQ(test, !!(flags & VM_MAYWRITE), c->may_write);
	/* Writes to a private mapping do not reach the buffer */
	try_mmap(test, dmabuf, VM_READ | VM_WRITE, 0);
}

static struct kunit_case access_tests[] = {
	KUNIT_CASE_PARAM(direction_test, access_gen_params),
	KUNIT_CASE_PARAM(mmap_test, access_gen_params),
	{}
};

static struct kunit_suite access_suite = {
	.name = "dma_buf_access",
	.init = fake_test_init,
	.test_cases = access_tests,
};

kunit_test_suite(access_suite);
