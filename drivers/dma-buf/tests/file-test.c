// SPDX-License-Identifier: GPL-2.0-only
/*
 * A buffer lives as long as its dentry, on which a reference can live longer than the
 * buffer's file.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/path.h>

#include "mapping-test.h"

static void file_outlived_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct dma_buf *dmabuf;
	struct path path;

	info.ops = &exp->ops;
	info.size = FAKE_SIZE;
	info.priv = exp;
	dmabuf = dma_buf_export(&info);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dmabuf);

	/* open(O_PATH) of /proc/self/fd/N does this */
	path = dmabuf->file->f_path;
	path_get(&path);
	dma_buf_put(dmabuf);
	flush_delayed_fput();

	KUNIT_EXPECT_EQ(test, exp->calls.release, 0);
	KUNIT_EXPECT_NULL(test, READ_ONCE(dmabuf->file));
	KUNIT_EXPECT_NULL(test, get_file_active(&dmabuf->file));

	path_put(&path);
	KUNIT_EXPECT_EQ(test, exp->calls.release, 1);
}

static void file_alive_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);
	struct file *file;

	fake_export(exp, FAKE_SIZE);
	file = get_file_active(&exp->dmabuf->file);
	KUNIT_ASSERT_PTR_EQ(test, file, exp->dmabuf->file);
	fput(file);
}

static struct kunit_case file_tests[] = {
	KUNIT_CASE(file_outlived_test),
	KUNIT_CASE(file_alive_test),
	{}
};

static struct kunit_suite file_suite = {
	.name = "dma_buf_file",
	.init = fake_test_init,
	.test_cases = file_tests,
};

kunit_test_suite(file_suite);
