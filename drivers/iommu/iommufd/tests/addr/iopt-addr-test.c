// SPDX-License-Identifier: GPL-2.0-only
/*
 * A range of user addresses with mappings of dma-bufs in it: the pieces that it is cut
 * into, and the imports that they share.
 */
#include <linux/dma-buf-mapping.h>
#include <linux/dma-resv.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sizes.h>

#include <kunit/test.h>

#include "io_pagetable.h"
#include "iopt_addr.h"

#define SZ_PAGE		((unsigned long)PAGE_SIZE)
#define BUF_PAGES	16
/* The page of the buffer that is the first page of the file */
#define BUF_SKIP	2
#define ROOM_PAGES	1200

/**
 * struct addr_test - two dma-bufs, and an address space with room to map them
 * @ictx: an iommufd
 * @dmabuf: the dma-bufs
 * @list: the ranges of both of them
 * @hidden: the exporter does not recognize any VMA
 * @room: pages of address space, none of which can be accessed
 * @first: room for the first of @pieces
 * @pieces: the pieces of the range
 */
struct addr_test {
	struct iommufd_ctx ictx;
	struct dma_buf *dmabuf[2];
	struct dma_buf_phys_list *list;
	bool hidden;
	unsigned long room;
	struct iopt_pages_list first;
	struct list_head pieces;
};

static const struct dma_buf_phys_list *
test_map_phys(struct dma_buf_attachment *attach)
{
	return ((struct addr_test *)attach->dmabuf->priv)->list;
}

static void test_unmap_phys(struct dma_buf_attachment *attach,
			    const struct dma_buf_phys_list *list)
{
}

static const struct dma_buf_mapping_pal_exp_ops test_pal_ops = {
	.map_phys = test_map_phys,
	.unmap_phys = test_unmap_phys,
};

static int test_match(const struct dma_buf_match_args *args)
{
	const struct dma_buf_mapping_match exp =
		DMA_BUF_EMAPPING_PAL_P2P(&test_pal_ops, NULL);

	return dma_buf_match_mapping(args, &exp, 1);
}

static int test_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND);
	return 0;
}

static bool test_vma_offset(struct dma_buf *dmabuf,
			    const struct vm_area_struct *vma, size_t *offset)
{
	struct addr_test *t = dmabuf->priv;

	*offset = (vma->vm_pgoff + BUF_SKIP) * SZ_PAGE;
	return !t->hidden;
}

static void test_release(struct dma_buf *dmabuf)
{
}

static const struct dma_buf_ops test_ops = {
	.match_mapping = test_match,
	.mmap = test_mmap,
	.vma_offset = test_vma_offset,
	.dma_follows_file_mode = true,
	.release = test_release,
};

static struct dma_buf *export(struct addr_test *t, int flags)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);

	info.ops = &test_ops;
	info.size = BUF_PAGES * SZ_PAGE;
	info.flags = flags;
	info.priv = t;
	return dma_buf_export(&info);
}

static int addr_test_init(struct kunit *test)
{
	struct addr_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	size_t i;

	KUNIT_ASSERT_NOT_NULL(test, t);
	test->priv = t;
	INIT_LIST_HEAD(&t->pieces);
	iopt_shares_init(&t->ictx.shares);
	t->list = kunit_kzalloc(test, struct_size(t->list, phys, 1), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t->list);
	t->list->length = 1;
	t->list->phys[0] = (struct phys_vec){ SZ_2G, BUF_PAGES * SZ_PAGE };
	for (i = 0; i < ARRAY_SIZE(t->dmabuf); i++) {
		t->dmabuf[i] = export(t, O_RDWR);
		KUNIT_ASSERT_FALSE(test, IS_ERR(t->dmabuf[i]));
	}
	t->room = kunit_vm_mmap(test, NULL, 0, ROOM_PAGES * SZ_PAGE, PROT_NONE,
				MAP_PRIVATE | MAP_ANONYMOUS, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(t->room) || !t->room);
	return 0;
}

static void addr_test_exit(struct kunit *test)
{
	struct addr_test *t = test->priv;
	size_t i;

	iopt_free_pieces(&t->first, &t->pieces);
	KUNIT_EXPECT_TRUE(test, RB_EMPTY_ROOT(&t->ictx.shares.imports));
	for (i = 0; i < ARRAY_SIZE(t->dmabuf); i++) {
		KUNIT_EXPECT_TRUE(test, list_empty(&t->dmabuf[i]->attachments));
		dma_buf_put(t->dmabuf[i]);
	}
	flush_delayed_fput();
}

static unsigned long at(struct addr_test *t, unsigned long page)
{
	return t->room + page * SZ_PAGE;
}

/* Map pages of a buffer's file at a page of the room */
static void map_file(struct kunit *test, struct dma_buf *dmabuf,
		     unsigned long page, unsigned long pgoff,
		     unsigned long npages, unsigned long prot)
{
	unsigned long addr = at(test->priv, page);

	KUNIT_ASSERT_EQ(test, vm_mmap(dmabuf->file, addr, npages * SZ_PAGE, prot,
				      MAP_SHARED | MAP_FIXED, pgoff * SZ_PAGE),
			addr);
}

static void map_rw(struct kunit *test, int i, unsigned long page,
		   unsigned long pgoff, unsigned long npages)
{
	struct addr_test *t = test->priv;

	map_file(test, t->dmabuf[i], page, pgoff, npages, PROT_READ | PROT_WRITE);
}

static int cut_bytes(struct addr_test *t, unsigned long addr,
		     unsigned long length, bool writable)
{
	iopt_free_pieces(&t->first, &t->pieces);
	return iopt_cut_range(&t->ictx, (void __user *)addr, length, writable,
			      &t->first, &t->pieces);
}

static int cut(struct addr_test *t, unsigned long page, unsigned long npages)
{
	return cut_bytes(t, at(t, page), npages * SZ_PAGE, true);
}

static struct iopt_pages_list *piece(struct kunit *test, size_t i)
{
	struct addr_test *t = test->priv;
	struct iopt_pages_list *elm;

	list_for_each_entry(elm, &t->pieces, next)
		if (!i--)
			return elm;
	KUNIT_FAIL_AND_ABORT(test, "too few pieces");
	return NULL;
}

static void expect_memory(struct kunit *test, size_t i, unsigned long addr,
			  unsigned long length)
{
	struct iopt_pages_list *elm = piece(test, i);

	KUNIT_ASSERT_EQ(test, elm->pages->type, IOPT_ADDRESS_USER);
	KUNIT_EXPECT_EQ(test, (unsigned long)elm->pages->uptr + elm->start_byte,
			addr);
	KUNIT_EXPECT_EQ(test, elm->length, length);
}

static void expect_buffer(struct kunit *test, size_t i, struct dma_buf *dmabuf,
			  unsigned long offset, unsigned long length)
{
	struct iopt_pages_list *elm = piece(test, i);

	KUNIT_ASSERT_EQ(test, elm->pages->type, IOPT_ADDRESS_DMABUF);
	KUNIT_EXPECT_PTR_EQ(test, elm->pages->dmabuf.attach->dmabuf, dmabuf);
	KUNIT_EXPECT_EQ(test, elm->pages->dmabuf.start, 0);
	KUNIT_EXPECT_EQ(test, elm->start_byte, offset);
	KUNIT_EXPECT_EQ(test, elm->length, length);
}

/* Move the only piece to @kept, where the next cut leaves it */
static void keep_piece(struct addr_test *t, struct iopt_pages_list *first,
		       struct list_head *kept)
{
	*first = t->first;
	list_del(&t->first.next);
	list_add(&first->next, kept);
}

static void expect_pieces(struct kunit *test, size_t nr)
{
	struct addr_test *t = test->priv;

	KUNIT_EXPECT_EQ(test, list_count_nodes(&t->pieces), nr);
}

static void one_buffer_test(struct kunit *test)
{
	struct addr_test *t = test->priv;

	map_rw(test, 0, 4, 3, 6);
	KUNIT_ASSERT_EQ(test, cut(t, 4, 6), 0);
	expect_pieces(test, 1);
	expect_buffer(test, 0, t->dmabuf[0], (3 + BUF_SKIP) * SZ_PAGE,
		      6 * SZ_PAGE);
	vm_munmap(t->room, ROOM_PAGES * SZ_PAGE);
}

/* Exactly the part of a VMA that is in the range, to the byte */
static void part_of_a_vma_test(struct kunit *test)
{
	struct addr_test *t = test->priv;

	map_rw(test, 0, 4, 3, 6);
	KUNIT_ASSERT_EQ(test, cut_bytes(t, at(t, 5) + 512, 2 * SZ_PAGE, true), 0);
	expect_pieces(test, 1);
	expect_buffer(test, 0, t->dmabuf[0], (4 + BUF_SKIP) * SZ_PAGE + 512,
		      2 * SZ_PAGE);

	/* The mapped part is the limit */
	KUNIT_ASSERT_EQ(test, cut(t, 8, 4), 0);
	expect_pieces(test, 2);
	expect_buffer(test, 0, t->dmabuf[0], (7 + BUF_SKIP) * SZ_PAGE,
		      2 * SZ_PAGE);
	expect_memory(test, 1, at(t, 10), 2 * SZ_PAGE);
	vm_munmap(t->room, ROOM_PAGES * SZ_PAGE);
}

static void memory_between_test(struct kunit *test)
{
	struct addr_test *t = test->priv;

	map_rw(test, 0, 4, 3, 6);
	map_rw(test, 1, 12, 0, 1);
	vm_munmap(at(t, 14), SZ_PAGE);
	KUNIT_ASSERT_EQ(test, cut_bytes(t, at(t, 2) + 1024, 18 * SZ_PAGE, true), 0);
	expect_pieces(test, 5);
	expect_memory(test, 0, at(t, 2) + 1024, 2 * SZ_PAGE - 1024);
	expect_buffer(test, 1, t->dmabuf[0], (3 + BUF_SKIP) * SZ_PAGE,
		      6 * SZ_PAGE);
	expect_memory(test, 2, at(t, 10), 2 * SZ_PAGE);
	expect_buffer(test, 3, t->dmabuf[1], BUF_SKIP * SZ_PAGE, SZ_PAGE);
	/* Whether there is any memory is left to pinning */
	expect_memory(test, 4, at(t, 13), 7 * SZ_PAGE + 1024);
	vm_munmap(t->room, ROOM_PAGES * SZ_PAGE);
}

static void neighbours_test(struct kunit *test)
{
	struct addr_test *t = test->priv;

	/* The second continues the first; the third and the fourth do not */
	map_file(test, t->dmabuf[0], 4, 3, 2, PROT_WRITE);
	map_rw(test, 0, 6, 5, 2);
	map_rw(test, 0, 8, 9, 2);
	map_rw(test, 1, 10, 11, 1);
	KUNIT_ASSERT_EQ(test, cut(t, 4, 7), 0);
	expect_pieces(test, 3);
	expect_buffer(test, 0, t->dmabuf[0], (3 + BUF_SKIP) * SZ_PAGE,
		      4 * SZ_PAGE);
	expect_buffer(test, 1, t->dmabuf[0], (9 + BUF_SKIP) * SZ_PAGE,
		      2 * SZ_PAGE);
	expect_buffer(test, 2, t->dmabuf[1], (11 + BUF_SKIP) * SZ_PAGE, SZ_PAGE);

	/* One import for each dma-buf */
	KUNIT_EXPECT_PTR_EQ(test, piece(test, 0)->pages, piece(test, 1)->pages);
	KUNIT_EXPECT_EQ(test, list_count_nodes(&t->dmabuf[0]->attachments), 1);
	vm_munmap(t->room, ROOM_PAGES * SZ_PAGE);
}

static void no_buffer_test(struct kunit *test)
{
	struct addr_test *t = test->priv;

	KUNIT_EXPECT_EQ(test, cut(t, 0, 100), -ENOENT);
	map_rw(test, 0, 4, 3, 6);
	KUNIT_EXPECT_EQ(test, cut(t, 0, 4), -ENOENT);
	KUNIT_EXPECT_EQ(test, cut(t, 10, 4), -ENOENT);
	KUNIT_EXPECT_EQ(test, cut(t, 4, 0), -ENOENT);
	KUNIT_EXPECT_EQ(test, cut_bytes(t, at(t, 4), ULONG_MAX, true), -ENOENT);
	t->hidden = true;
	KUNIT_EXPECT_EQ(test, cut(t, 4, 6), -ENOENT);
	expect_pieces(test, 0);
	vm_munmap(t->room, ROOM_PAGES * SZ_PAGE);
}

static void access_test(struct kunit *test)
{
	struct addr_test *t = test->priv;
	struct dma_buf *readonly = export(t, O_RDONLY);
	struct iopt_pages_list first;
	struct iopt_pages *pages;
	LIST_HEAD(kept);

	KUNIT_ASSERT_FALSE(test, IS_ERR(readonly));
	map_file(test, t->dmabuf[0], 4, 0, 2, PROT_READ);
	KUNIT_EXPECT_EQ(test, cut(t, 4, 2), -EFAULT);
	KUNIT_ASSERT_EQ(test, cut_bytes(t, at(t, 4), SZ_PAGE, false), 0);
	KUNIT_EXPECT_FALSE(test, piece(test, 0)->pages->writable);

	/* A read-only range does not share with a writable one */
	pages = piece(test, 0)->pages;
	keep_piece(t, &first, &kept);
	map_rw(test, 0, 4, 0, 2);
	KUNIT_ASSERT_EQ(test, cut(t, 4, 2), 0);
	KUNIT_EXPECT_TRUE(test, piece(test, 0)->pages->writable);
	KUNIT_EXPECT_PTR_NE(test, piece(test, 0)->pages, pages);
	KUNIT_ASSERT_EQ(test, cut_bytes(t, at(t, 4), SZ_PAGE, false), 0);
	KUNIT_EXPECT_PTR_EQ(test, piece(test, 0)->pages, pages);
	iopt_free_pieces(&first, &kept);

	map_file(test, t->dmabuf[0], 6, 0, 2, PROT_NONE);
	KUNIT_EXPECT_EQ(test, cut_bytes(t, at(t, 6), SZ_PAGE, false), -EFAULT);

	map_file(test, readonly, 8, 0, 2, PROT_READ);
	KUNIT_EXPECT_EQ(test, cut(t, 8, 2), -EPERM);
	KUNIT_EXPECT_EQ(test, cut_bytes(t, at(t, 8), SZ_PAGE, false), 0);
	iopt_free_pieces(&t->first, &t->pieces);
	vm_munmap(t->room, ROOM_PAGES * SZ_PAGE);
	dma_buf_put(readonly);
}

/* 256 mappings and the pieces before and between them are the maximum */
static void too_many_test(struct kunit *test)
{
	struct addr_test *t = test->priv;
	unsigned long i;

	for (i = 0; i < 256; i++)
		map_rw(test, i % 2, 2 * i + 1, i % 8, 1);
	KUNIT_EXPECT_EQ(test, cut(t, 0, 512), 0);
	expect_pieces(test, 512);
	KUNIT_EXPECT_EQ(test, cut(t, 0, 513), -E2BIG);
	KUNIT_EXPECT_EQ(test, list_count_nodes(&t->dmabuf[0]->attachments), 1);
	vm_munmap(t->room, ROOM_PAGES * SZ_PAGE);
}

/* A buffer that comes back is shared as before; one that is gone is not */
static void revoked_share_test(struct kunit *test)
{
	struct addr_test *t = test->priv;
	struct iopt_pages_list first;
	struct iopt_pages *pages;
	LIST_HEAD(kept);

	map_rw(test, 0, 4, 0, 2);
	KUNIT_ASSERT_EQ(test, cut(t, 4, 2), 0);
	pages = piece(test, 0)->pages;
	keep_piece(t, &first, &kept);

	dma_resv_lock(t->dmabuf[0]->resv, NULL);
	dma_buf_invalidate_mappings(t->dmabuf[0]);
	dma_resv_unlock(t->dmabuf[0]->resv);
	KUNIT_ASSERT_EQ(test, cut(t, 4, 2), 0);
	KUNIT_EXPECT_PTR_EQ(test, piece(test, 0)->pages, pages);
	iopt_free_pieces(&t->first, &t->pieces);

	dma_buf_hang_up(t->dmabuf[0]);
	KUNIT_ASSERT_EQ(test, cut(t, 4, 2), 0);
	KUNIT_EXPECT_PTR_NE(test, piece(test, 0)->pages, pages);
	KUNIT_EXPECT_EQ(test, list_count_nodes(&t->dmabuf[0]->attachments), 2);

	/* The end of the first import leaves the second one in the tree */
	iopt_free_pieces(&first, &kept);
	KUNIT_EXPECT_FALSE(test, RB_EMPTY_ROOT(&t->ictx.shares.imports));
	vm_munmap(t->room, ROOM_PAGES * SZ_PAGE);
}

static struct kunit_case iopt_addr_tests[] = {
	KUNIT_CASE(one_buffer_test),
	KUNIT_CASE(part_of_a_vma_test),
	KUNIT_CASE(memory_between_test),
	KUNIT_CASE(neighbours_test),
	KUNIT_CASE(no_buffer_test),
	KUNIT_CASE(access_test),
	KUNIT_CASE(too_many_test),
	KUNIT_CASE(revoked_share_test),
	{}
};

static struct kunit_suite iopt_addr_suite = {
	.name = "dma_buf_iommufd_addr",
	.init = addr_test_init,
	.exit = addr_test_exit,
	.test_cases = iopt_addr_tests,
};

kunit_test_suite(iopt_addr_suite);
