// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory type of a blob's place in the window.
 */
#include <linux/io.h>

#include "virtgpu_drv.h"

/*
 * On x86 the kernel keeps a list of the memory types of addresses outside of RAM.
 * Huge pages get the type that the list has, or uncached if it has none. So the
 * driver puts a blob that gets huge pages on the list for as long as the blob has
 * its place. For cached memory it does that by mapping the place.
 */

/**
 * virtio_gpu_cache_set - huge pages are about to map a blob
 * @vram: the mapped blob
 * @cache: how it is to be cached, VIRTIO_GPU_MAP_CACHE_*
 *
 * Context: May sleep, and allocates memory. The gate of the blob is held.
 *
 * Return: True if huge pages get that type.
 */
bool virtio_gpu_cache_set(struct virtio_gpu_object_vram *vram, u32 cache)
{
	struct drm_mm_node *node = &vram->place.node;

	if (!IS_ENABLED(CONFIG_X86) || vram->cached || vram->write_combining)
		return true;

	switch (cache) {
	case VIRTIO_GPU_MAP_CACHE_NONE:
	case VIRTIO_GPU_MAP_CACHE_CACHED:
		vram->cached = memremap(node->start, node->size, MEMREMAP_WB);
		return vram->cached;
	case VIRTIO_GPU_MAP_CACHE_WC:
		vram->write_combining =
			!arch_io_reserve_memtype_wc(node->start, node->size);
		return vram->write_combining;
	default:
		return true;
	}
}

/**
 * virtio_gpu_cache_unset - remove the memory type of a blob's place
 * @vram: the blob, which may have no place
 *
 * Context: May sleep. Nothing maps the blob, and no fault can make page table
 * entries for it.
 */
void virtio_gpu_cache_unset(struct virtio_gpu_object_vram *vram)
{
	struct drm_mm_node *node = &vram->place.node;

	if (vram->cached)
		memunmap(vram->cached);
	if (vram->write_combining)
		arch_io_free_memtype_wc(node->start, node->size);
	vram->cached = NULL;
	vram->write_combining = false;
}
