// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mapping types in which amdgpu exports and imports buffers.
 *
 * XGMI is a link between GPUs. All VRAM of a hive is in one address space, in which
 * each GPU's VRAM starts at the aperture of its node. So all that a GPU needs of
 * another GPU's buffer is the buffer object: it has the offset in VRAM, and the GPU.
 * The buffer is never mapped for DMA, PCI does not know the link, and no other driver
 * could use it. So it is a mapping type of this driver.
 *
 * amdgpu_vm_bo_update() finds the exporter's object and writes the importer's page
 * tables from it. A mapping of this type is the promise that the object stays in
 * VRAM until amdgpu_dma_buf_move_notify().
 */
#include <linux/dma-resv.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>
#include <linux/seq_file.h>

#include <drm/amdgpu_drm.h>
#include <drm/ttm/ttm_tt.h>

#include "amdgpu.h"
#include "amdgpu_dma_buf.h"
#include "amdgpu_dma_buf_types.h"
#include "amdgpu_object.h"
#include "amdgpu_ttm.h"
#include "amdgpu_xgmi.h"

MODULE_IMPORT_NS("DMA_BUF");

/* Only amdgpu makes entries of this type, so the object is an amdgpu_bo */
static struct amdgpu_device *
xgmi_importer(const struct dma_buf_attachment *attach)
{
	struct amdgpu_bo *bo = gem_to_amdgpu_bo(attach->importer_priv);

	return amdgpu_ttm_adev(bo->tbo.bdev);
}

static int xgmi_match(const struct dma_buf_match_args *args,
		      const struct dma_buf_mapping_match *exp,
		      const struct dma_buf_mapping_match *imp,
		      struct dma_buf_mapping_match *result, const char **why)
{
	/* The match uses nothing else of the exporter's GPU */
	struct amdgpu_device *exporter = (void *)exp->private_data.ptr;

	if (amdgpu_xgmi_same_hive(xgmi_importer(args->attach), exporter))
		return 0;
	*why = "GPUs are not in one hive";
	return -EOPNOTSUPP;
}

static void xgmi_debugfs_dump(struct seq_file *s,
			      struct dma_buf_attachment *attach)
{
	seq_puts(s, dev_name(xgmi_importer(attach)->dev));
}

static void xgmi_describe(char *buf, size_t len,
			  const struct dma_buf_mapping_match *entry)
{
	const struct amdgpu_device *adev = entry->private_data.ptr;

	if (adev)
		snprintf(buf, len, "(VRAM of %s)", dev_name(adev->dev));
}

const struct dma_buf_mapping_type amdgpu_mapping_xgmi_type = {
	.name = "XGMI",
	.owner = THIS_MODULE,
	.match = xgmi_match,
	.debugfs_dump = xgmi_debugfs_dump,
	.describe = xgmi_describe,
};

/*
 * The importer
 */

const struct dma_buf_mapping_match
amdgpu_import_types[AMDGPU_NR_IMPORT_TYPES] = {
	AMDGPU_IMAPPING_XGMI(),
	DMA_BUF_IMAPPING_SGT(NULL, DMA_SGT_IMPORTER_ACCEPTS_P2P),
};

/* TTM needs a table for a mapping: this one has no address in it */
static struct sg_table over_xgmi;

static bool is_xgmi(const struct dma_buf_attachment *attach)
{
	return dma_buf_attach_map_type(attach)->type ==
	       &amdgpu_mapping_xgmi_type;
}

static struct sg_table *map_xgmi(struct dma_buf_attachment *attach)
{
	const struct amdgpu_xgmi_exp_ops *ops =
		container_of_const(dma_buf_attach_map_type(attach)->exp_ops,
				   struct amdgpu_xgmi_exp_ops, ops);
	struct amdgpu_bo *bo = ops->map_xgmi(attach);

	return IS_ERR(bo) ? ERR_CAST(bo) : &over_xgmi;
}

/**
 * amdgpu_dma_buf_map_import - map an imported buffer, in the type that was selected
 * @attach: the attachment
 *
 * Context: The caller holds the reservation lock of the buffer. May sleep.
 *
 * Return: A table of DMA addresses, or one without addresses if the GPU reaches the
 * buffer over XGMI, to be given back with amdgpu_dma_buf_unmap_import(); or an
 * ERR_PTR.
 */
struct sg_table *amdgpu_dma_buf_map_import(struct dma_buf_attachment *attach)
{
	struct sg_table *sgt;
	int ret;

	ret = dma_buf_mapping_select(attach);
	if (ret)
		return ERR_PTR(ret);

	if (is_xgmi(attach))
		sgt = map_xgmi(attach);
	else
		sgt = dma_buf_sgt_map_attachment(attach, DMA_BIDIRECTIONAL);

	/* The SGT map has counted itself; the selection counts for XGMI */
	if (IS_ERR(sgt) || sgt != &over_xgmi)
		dma_buf_mapping_unselect(attach);
	if (IS_ERR(sgt))
		dma_buf_mapping_renew(attach);
	return sgt;
}

/**
 * amdgpu_dma_buf_unmap_import - unmap an imported buffer
 * @attach: the attachment
 * @sgt: what amdgpu_dma_buf_map_import() returned
 *
 * Context: The caller holds the reservation lock of the buffer. May sleep.
 */
void amdgpu_dma_buf_unmap_import(struct dma_buf_attachment *attach,
				 struct sg_table *sgt)
{
	if (sgt == &over_xgmi)
		dma_buf_mapping_unselect(attach);
	else
		dma_buf_sgt_unmap_attachment(attach, sgt, DMA_BIDIRECTIONAL);
}

/**
 * amdgpu_ttm_tt_is_over_xgmi - is this mapped without DMA addresses?
 * @ttm: the TT, or NULL
 *
 * Return: True if it belongs to an imported object that the GPU reaches over XGMI.
 * &ttm_tt.dma_address then has no address for a device.
 */
bool amdgpu_ttm_tt_is_over_xgmi(const struct ttm_tt *ttm)
{
	return ttm && ttm->sg == &over_xgmi;
}

/*
 * The exporter
 */

static struct amdgpu_bo *export_xgmi(struct dma_buf_attachment *attach)
{
	struct amdgpu_bo *bo = gem_to_amdgpu_bo(attach->dmabuf->priv);

	dma_resv_assert_held(bo->tbo.base.resv);

	/* It was in VRAM when the exporter selected this */
	if (!bo->tbo.resource || bo->tbo.resource->mem_type != TTM_PL_VRAM)
		return ERR_PTR(-EBUSY);
	return bo;
}

static const struct amdgpu_xgmi_exp_ops amdgpu_dma_buf_xgmi_ops = {
	.map_xgmi = export_xgmi,
};

/*
 * Other devices cannot read compressed VRAM of GFX12: only the GPU has the metadata
 * of the compression.
 */
static bool is_compressed(const struct amdgpu_bo *bo)
{
	struct amdgpu_device *adev = amdgpu_ttm_adev(bo->tbo.bdev);

	return amdgpu_ip_version(adev, GC_HWIP, 0) >= IP_VERSION(12, 0, 0) &&
	       bo->flags & AMDGPU_GEM_CREATE_GFX12_DCC;
}

/* Leave out the offer over PCI if the importer is reached over XGMI */
static bool prefers_xgmi(const struct dma_buf_match_args *args,
			 struct amdgpu_bo *bo)
{
	size_t i;

	for (i = 0; i < args->imp_len; i++)
		if (args->imp_matches[i].type == &amdgpu_mapping_xgmi_type)
			return amdgpu_dmabuf_is_xgmi_accessible(xgmi_importer(args->attach),
								bo);
	return false;
}

/**
 * amdgpu_dma_buf_match_mapping - &dma_buf_ops.match_mapping implementation
 * @args: the importer and what it can take
 *
 * Offers VRAM to importers that can reach it, over XGMI or PCI, and GTT to all
 * others.
 *
 * Return: The result of dma_buf_match_mapping().
 */
int amdgpu_dma_buf_match_mapping(const struct dma_buf_match_args *args)
{
	struct amdgpu_bo *bo = gem_to_amdgpu_bo(args->dmabuf->priv);
	struct amdgpu_device *adev = amdgpu_ttm_adev(bo->tbo.bdev);
	struct dma_buf_mapping_match exp[3];
	size_t n = 0;

	if (!is_compressed(bo)) {
		if (bo->preferred_domains & AMDGPU_GEM_DOMAIN_VRAM)
			exp[n++] = AMDGPU_EMAPPING_XGMI(&amdgpu_dma_buf_xgmi_ops,
							adev);
		if (!prefers_xgmi(args, bo))
			exp[n++] = DMA_BUF_EMAPPING_SGT_P2P(&amdgpu_dma_buf_sgt_ops,
							    adev->pdev);
	}
	exp[n++] = DMA_BUF_EMAPPING_SGT(&amdgpu_dma_buf_sgt_ops);
	return dma_buf_match_mapping(args, exp, n);
}

/**
 * amdgpu_dma_buf_reaches_vram - could the importer be served in VRAM?
 * @attach: the attachment
 *
 * Return: True if the importer reaches VRAM over XGMI or PCI, independent of the
 * selected match and of whether the GPU is awake.
 */
bool amdgpu_dma_buf_reaches_vram(const struct dma_buf_attachment *attach)
{
	return dma_buf_attach_accepts(attach, &amdgpu_mapping_xgmi_type) ||
	       dma_buf_attach_accepts_sgt_p2p(attach);
}

/**
 * amdgpu_dma_buf_all_reach_vram - can the buffer be in VRAM for all importers?
 * @dmabuf: the buffer, of which the caller holds the reservation lock
 *
 * Return: False if an importer needs the buffer in GTT. A GPU that was asleep when
 * the importer attached, see amdgpu_dma_buf_attach(), is not kept awake for that
 * importer.
 */
bool amdgpu_dma_buf_all_reach_vram(struct dma_buf *dmabuf)
{
	struct dma_buf_attachment *attach;

	dma_resv_assert_held(dmabuf->resv);

	list_for_each_entry(attach, &dmabuf->attachments, node)
		if (!attach->priv || !amdgpu_dma_buf_reaches_vram(attach))
			return false;
	return true;
}

static int find_xgmi(const struct dma_buf_match *matches,
		     unsigned int nr_matches)
{
	unsigned int i;

	for (i = 0; i < nr_matches; i++)
		if (matches[i].result.type == &amdgpu_mapping_xgmi_type)
			return i;
	return -EOPNOTSUPP;
}

/*
 * Put the buffer where the importer reaches it over XGMI, if there is room. Returns 1
 * if it is there, 0 if it is in GTT, or an error. If another importer needs the
 * buffer in GTT, it goes to GTT: otherwise it would move to and fro between the two.
 */
static int place_for_xgmi(struct amdgpu_bo *bo, struct dma_buf *dmabuf)
{
	struct ttm_operation_ctx ctx = { false, false };
	int ret;

	if (!bo->tbo.pin_count) {
		if (!amdgpu_dma_buf_all_reach_vram(dmabuf))
			return 0;
		/* Any part of VRAM will do, also outside of the BAR */
		amdgpu_bo_placement_from_domain(bo, AMDGPU_GEM_DOMAIN_VRAM |
						    AMDGPU_GEM_DOMAIN_GTT);
		ret = ttm_bo_validate(&bo->tbo, &bo->placement, &ctx);
		if (ret)
			return ret;
	}
	return bo->tbo.resource->mem_type == TTM_PL_VRAM;
}

/**
 * amdgpu_dma_buf_select_mapping - &dma_buf_ops.select_mapping implementation
 * @attach: the attachment
 * @matches: the set of the attachment
 * @nr_matches: number of @matches
 *
 * Does not wake up a sleeping GPU for its peers, and does not move a buffer for them
 * that is pinned in GTT.
 *
 * Return: The index of one of @matches, or -errno.
 */
int amdgpu_dma_buf_select_mapping(struct dma_buf_attachment *attach,
				  const struct dma_buf_match *matches,
				  unsigned int nr_matches)
{
	struct amdgpu_bo *bo = gem_to_amdgpu_bo(attach->dmabuf->priv);
	int i = find_xgmi(matches, nr_matches);
	bool vram = attach->priv;
	int ret;

	if (bo->tbo.pin_count && bo->tbo.resource->mem_type != TTM_PL_VRAM)
		vram = false;
	if (vram && i >= 0) {
		ret = place_for_xgmi(bo, attach->dmabuf);
		if (ret)
			return ret < 0 ? ret : i;
		vram = false;
	}
	i = dma_buf_find_sgt(matches, nr_matches, vram);
	return i < 0 ? -EBUSY : i;
}
