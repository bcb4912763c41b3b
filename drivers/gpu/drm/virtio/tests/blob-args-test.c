// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the arguments with which user space creates a blob, and of the layout
 * of their struct.
 */
#include <kunit/test.h>
#include <linux/bits.h>

#include <drm/virtgpu_drm.h>

#include "virtgpu_vram_map.h"

static void nothing_is_valid(struct kunit *test)
{
	const struct drm_virtgpu_resource_create_blob args = {};

	KUNIT_EXPECT_TRUE(test, virtio_gpu_blob_args_valid(&args));
}

static void known_hint_is_valid(struct kunit *test)
{
	const struct drm_virtgpu_resource_create_blob args = {
		.blob_hints = VIRTGPU_BLOB_HINT_DEFER_MAPPING,
	};

	KUNIT_EXPECT_TRUE(test, virtio_gpu_blob_args_valid(&args));
}

static void other_hints_are_not(struct kunit *test)
{
	struct drm_virtgpu_resource_create_blob args = {};
	int bit;

	for (bit = 1; bit < 32; bit++) {
		args.blob_hints = BIT(bit);
		KUNIT_EXPECT_FALSE_MSG(test, virtio_gpu_blob_args_valid(&args),
				       "bit %d", bit);
		args.blob_hints |= VIRTGPU_BLOB_HINT_DEFER_MAPPING;
		KUNIT_EXPECT_FALSE_MSG(test, virtio_gpu_blob_args_valid(&args),
				       "bits 0 and %d", bit);
	}
}

static void padding_is_not(struct kunit *test)
{
	struct drm_virtgpu_resource_create_blob args = { .pad = 1 };

	KUNIT_EXPECT_FALSE(test, virtio_gpu_blob_args_valid(&args));
	args.pad = 0;
	args.pad2 = BIT(31);
	KUNIT_EXPECT_FALSE(test, virtio_gpu_blob_args_valid(&args));
}

/* The layout that 7.2 was released with does not change. */
static void released_form_stays(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, VIRTGPU_BLOB_HINT_DEFER_MAPPING, 1);
	KUNIT_EXPECT_EQ(test, DRM_VIRTGPU_BLOB_FLAG_HINT_DEFER_MAPPING,
			VIRTGPU_BLOB_HINT_DEFER_MAPPING);
	KUNIT_EXPECT_EQ(test,
			sizeof(struct drm_virtgpu_resource_create_blob), 56);
	KUNIT_EXPECT_EQ(test, offsetof(struct drm_virtgpu_resource_create_blob,
				       blob_hints), 48);
	KUNIT_EXPECT_EQ(test, offsetof(struct drm_virtgpu_resource_create_blob,
				       pad2), 52);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(nothing_is_valid),
	KUNIT_CASE(known_hint_is_valid),
	KUNIT_CASE(other_hints_are_not),
	KUNIT_CASE(padding_is_not),
	KUNIT_CASE(released_form_stays),
	{}
};

static struct kunit_suite suite = {
	.name = "virtio_gpu_blob_args",
	.test_cases = cases,
};

kunit_test_suite(suite);
