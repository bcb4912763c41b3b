// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver of a PF that imports buffers of its VFs, for the guest test iov. The PF is
 * an Intel 82576 as QEMU emulates it (igb). The driver uses only the memory of the
 * mailboxes: 64 bytes for each VF, at the start of the VF's BAR 0 and, one after the
 * other, in the PF's. So a byte that a VF's user has written through a VF's BAR can be
 * read here through the PF's BAR, at the place that the offset gives.
 *
 * User space writes commands to debugfs:
 *
 *	attach FD, detach	for a dma-buf of the task that writes
 *	map, unmap
 *	give BYTES		the VF owns this much from the start of the BAR on;
 *				unmaps buffers that have more
 *
 * and reads there what is mapped, and how often it was invalidated.
 */
#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/dma-buf-iov.h>
#include <linux/dma-resv.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>

#define BAR		0
#define MAILBOX		0x800
#define MAILBOX_SIZE	64

/**
 * struct igb_pf - the PF, and the buffer it has imported
 * @pdev: the PF
 * @regs: its BAR 0
 * @dir: its directory in debugfs
 * @lock: one command at a time, outside of the reservation lock
 * @dmabuf: the buffer, referenced, or NULL
 * @attach: its attachment
 * @sgt: the mapping, if it is SGT. The reservation lock protects this and all below.
 * @is_iov: the mapping is IOV
 * @vf: the VF of an IOV mapping
 * @offset: offset of the buffer in the VF's BAR
 * @given: size of the VF's part of the BAR
 * @invalidated: number of times that the exporter invalidated the mapping
 */
struct igb_pf {
	struct pci_dev *pdev;
	void __iomem *regs;
	struct dentry *dir;
	struct mutex lock; /* one command at a time */
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;
	bool is_iov;
	int vf;
	u64 offset;
	u64 given;
	unsigned int invalidated;
};

static const char *igb_pf_refuse(struct dma_buf_attachment *attach,
				 const struct dma_buf_iov *iov)
{
	struct igb_pf *pf = attach->importer_priv;
	struct dma_buf_iov_range range;
	unsigned int i;

	for (i = 0; i < iov->nr_ranges; i++) {
		dma_buf_iov_range(attach, i, &range);
		if (range.offset > pf->given ||
		    range.length > pf->given - range.offset)
			return "not given to the VF";
	}
	return NULL;
}

static const struct dma_buf_iov_importer igb_pf_importer = {
	.bars = BIT(BAR),
	.refuse = igb_pf_refuse,
};

static const struct dma_buf_mapping_match igb_pf_types[] = {
	DMA_BUF_IMAPPING_IOV(&igb_pf_importer),
	DMA_BUF_IMAPPING_SGT(NULL, DMA_SGT_IMPORTER_ACCEPTS_P2P),
};

static void igb_pf_unmap(struct igb_pf *pf)
{
	if (pf->is_iov)
		dma_buf_iov_unmap_attachment(pf->attach);
	if (pf->sgt)
		dma_buf_sgt_unmap_attachment(pf->attach, pf->sgt,
					     DMA_BIDIRECTIONAL);
	pf->is_iov = false;
	pf->sgt = NULL;
}

static void igb_pf_invalidate(struct dma_buf_attachment *attach)
{
	struct igb_pf *pf = attach->importer_priv;

	pf->invalidated++;
	igb_pf_unmap(pf);
}

static const struct dma_buf_attach_ops igb_pf_ops = {
	.supported_mapping_types = igb_pf_types,
	.nr_supported_mapping_types = ARRAY_SIZE(igb_pf_types),
	.invalidate_mappings = igb_pf_invalidate,
};

static int igb_pf_map_iov(struct igb_pf *pf)
{
	struct dma_buf_iov_range range;
	struct dma_buf_iov iov;
	int ret;

	ret = dma_buf_iov_map_attachment(pf->attach, DMA_BIDIRECTIONAL, &iov);
	if (ret)
		return ret;
	dma_buf_iov_range(pf->attach, 0, &range);
	pf->vf = pci_iov_vf_id(iov.vf);
	pf->offset = range.offset;
	pf->is_iov = true;
	return 0;
}

static int igb_pf_map_sgt(struct igb_pf *pf)
{
	struct sg_table *sgt;

	sgt = dma_buf_sgt_map_attachment(pf->attach, DMA_BIDIRECTIONAL);
	if (IS_ERR(sgt))
		return PTR_ERR(sgt);
	pf->sgt = sgt;
	return 0;
}

/* The caller holds the reservation lock */
static int igb_pf_map(struct igb_pf *pf)
{
	int ret;

	if (pf->is_iov || pf->sgt)
		return -EBUSY;
	ret = dma_buf_mapping_select(pf->attach);
	if (ret)
		return ret;
	if (dma_buf_is_iov(pf->attach))
		ret = igb_pf_map_iov(pf);
	else
		ret = igb_pf_map_sgt(pf);
	dma_buf_mapping_unselect(pf->attach);
	if (ret)
		dma_buf_mapping_renew(pf->attach);
	return ret;
}

static int igb_pf_give(struct igb_pf *pf, u64 bytes)
{
	pf->given = bytes;
	igb_pf_unmap(pf);
	dma_buf_mapping_renew(pf->attach);
	return 0;
}

static int igb_pf_attach(struct igb_pf *pf, int fd)
{
	struct dma_buf_attachment *attach;
	struct dma_buf *dmabuf;

	if (pf->dmabuf)
		return -EBUSY;
	dmabuf = dma_buf_get(fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	pf->invalidated = 0;
	attach = dma_buf_dynamic_attach(dmabuf, &pf->pdev->dev, &igb_pf_ops,
					pf);
	if (IS_ERR(attach)) {
		dma_buf_put(dmabuf);
		return PTR_ERR(attach);
	}
	pf->attach = attach;
	pf->dmabuf = dmabuf;
	return 0;
}

static void igb_pf_detach(struct igb_pf *pf)
{
	if (!pf->dmabuf)
		return;
	dma_resv_lock(pf->dmabuf->resv, NULL);
	igb_pf_unmap(pf);
	dma_resv_unlock(pf->dmabuf->resv);
	dma_buf_detach(pf->dmabuf, pf->attach);
	dma_buf_put(pf->dmabuf);
	pf->dmabuf = NULL;
}

/* Commands that need a buffer */
static int igb_pf_command_locked(struct igb_pf *pf, const char *command)
{
	u64 bytes;

	if (!strcmp(command, "map"))
		return igb_pf_map(pf);
	if (!strcmp(command, "unmap")) {
		igb_pf_unmap(pf);
		return 0;
	}
	if (sscanf(command, "give %llu", &bytes) == 1)
		return igb_pf_give(pf, bytes);
	return -EINVAL;
}

static int igb_pf_command(struct igb_pf *pf, const char *command)
{
	int fd, ret;

	guard(mutex)(&pf->lock);
	if (sscanf(command, "attach %d", &fd) == 1)
		return igb_pf_attach(pf, fd);
	if (!pf->dmabuf)
		return -ENOTCONN;
	if (!strcmp(command, "detach")) {
		igb_pf_detach(pf);
		return 0;
	}
	dma_resv_lock(pf->dmabuf->resv, NULL);
	ret = igb_pf_command_locked(pf, command);
	dma_resv_unlock(pf->dmabuf->resv);
	return ret;
}

static ssize_t igb_pf_write(struct file *file, const char __user *from,
			    size_t size, loff_t *pos)
{
	struct igb_pf *pf = ((struct seq_file *)file->private_data)->private;
	char command[32];
	int ret;

	if (size >= sizeof(command))
		return -EINVAL;
	if (copy_from_user(command, from, size))
		return -EFAULT;
	command[size] = 0;
	ret = igb_pf_command(pf, strim(command));
	return ret ?: size;
}

/* The mailbox that the VF's user has written, read through the PF */
static u32 igb_pf_mailbox(struct igb_pf *pf)
{
	return readl(pf->regs + MAILBOX + pf->vf * MAILBOX_SIZE);
}

static int igb_pf_show(struct seq_file *s, void *unused)
{
	struct igb_pf *pf = s->private;

	guard(mutex)(&pf->lock);
	if (!pf->dmabuf) {
		seq_puts(s, "none\n");
		return 0;
	}
	dma_resv_lock(pf->dmabuf->resv, NULL);
	if (pf->is_iov)
		seq_printf(s, "IOV vf=%d offset=%#llx mailbox=%#x", pf->vf,
			   pf->offset, igb_pf_mailbox(pf));
	else
		seq_puts(s, pf->sgt ? "SGT" : "unmapped");
	seq_printf(s, " invalidated=%u\n", pf->invalidated);
	dma_resv_unlock(pf->dmabuf->resv);
	return 0;
}

static int igb_pf_open(struct inode *inode, struct file *file)
{
	return single_open(file, igb_pf_show, inode->i_private);
}

static const struct file_operations igb_pf_fops = {
	.owner = THIS_MODULE,
	.open = igb_pf_open,
	.read = seq_read,
	.write = igb_pf_write,
	.llseek = seq_lseek,
	.release = single_release,
};

static int igb_pf_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct igb_pf *pf;
	int ret;

	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	pf = devm_kzalloc(&pdev->dev, sizeof(*pf), GFP_KERNEL);
	if (!pf)
		return -ENOMEM;
	pf->regs = pcim_iomap_region(pdev, BAR, KBUILD_MODNAME);
	if (IS_ERR(pf->regs))
		return PTR_ERR(pf->regs);
	pf->pdev = pdev;
	pf->given = SZ_4K;
	mutex_init(&pf->lock);
	pci_set_drvdata(pdev, pf);
	pf->dir = debugfs_create_dir("dma_buf_igb_pf", NULL);
	debugfs_create_file("import", 0600, pf->dir, pf, &igb_pf_fops);
	return 0;
}

static void igb_pf_remove(struct pci_dev *pdev)
{
	struct igb_pf *pf = pci_get_drvdata(pdev);

	/* No command is running after this */
	debugfs_remove(pf->dir);
	igb_pf_detach(pf);
	pci_disable_sriov(pdev);
}

static const struct pci_device_id igb_pf_ids[] = {
	{ PCI_DEVICE(PCI_VENDOR_ID_INTEL, 0x10c9) },
	{}
};

static struct pci_driver igb_pf_driver = {
	.name = KBUILD_MODNAME,
	.id_table = igb_pf_ids,
	.probe = igb_pf_probe,
	.remove = igb_pf_remove,
	.sriov_configure = pci_sriov_configure_simple,
};
module_pci_driver(igb_pf_driver);

MODULE_DESCRIPTION("Importer of the VFs of an emulated 82576");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("DMA_BUF");
