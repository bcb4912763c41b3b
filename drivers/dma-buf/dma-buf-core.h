/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private to the dma-buf core: what importers and exporters do not see of an
 * attachment and of the mapping types.
 */
#ifndef _DMA_BUF_CORE_H
#define _DMA_BUF_CORE_H

#include <linux/dma-buf.h>
#include <linux/dma-buf-mapping.h>

#include <trace/events/dma_buf.h>

/*
 * The tracepoints read dmabuf->name, which name_lock protects. Lockdep always
 * gets to see the lock, so that a wrong context is found without tracing.
 *
 * Note: FUNC##_enabled() is a static branch.
 */
#define DMA_BUF_TRACE(FUNC, ...)					\
	do {								\
		if (IS_ENABLED(CONFIG_LOCKDEP) || FUNC##_enabled()) {	\
			guard(spinlock)(&dmabuf->name_lock);		\
			FUNC(__VA_ARGS__);				\
		}							\
	} while (0)

/* What an entry says fits into so many bytes, or is cut off */
#define DMA_BUF_ENTRY_LEN 48

/**
 * struct dma_buf_converter - serves importers of one type from another
 * @from: what the exporter offers
 * @to: what the importer asks for
 * @match: as &dma_buf_mapping_type.match, for a pair of @from and @to
 * @finish: as &dma_buf_mapping_type.finish_match, leaves @to in the attachment
 * @why: as &dma_buf_mapping_type.why
 */
struct dma_buf_converter {
	const struct dma_buf_mapping_type *from;
	const struct dma_buf_mapping_type *to;
	int (*match)(struct dma_buf *dmabuf,
		     const struct dma_buf_mapping_match *exp,
		     const struct dma_buf_mapping_match *imp);
	void (*finish)(struct dma_buf_match_args *args,
		       const struct dma_buf_mapping_match *exp,
		       const struct dma_buf_mapping_match *imp);
	const char *(*why)(const struct dma_buf_mapping_match *exp,
			   const struct dma_buf_mapping_match *imp);
};

/**
 * struct dma_buf_negotiation - what is known of an attachment while it is made
 * @args: what the exporter gets to see of it
 * @exp: the exporter's entry that was matched: @exp_copy, or the constant one
 *	of an exporter that has only plain SGT. Its exporting_p2p_device is
 *	good until the match is over; an exporter that refines the device keeps
 *	it alive until then.
 * @exp_copy: the exporter's own may be on a stack that is gone
 *
 * On the stack of the attach call, from the match to the end of
 * &dma_buf_ops.attach.
 */
struct dma_buf_negotiation {
	struct dma_buf_match_args args;
	const struct dma_buf_mapping_match *exp;
	struct dma_buf_mapping_match exp_copy;
};

/**
 * struct dma_buf_core_attachment - an attachment as the core knows it
 * @base: what importer and exporter see
 * @negotiation: only while it goes on, NULL on every attachment that is on the
 *	buffer's list
 * @conv: the converter that stands between the two, NULL if none
 * @exp_ops: what the exporter offered, which is not what the importer sees if
 *	the type is private to the core or was converted; NULL for plain SGT
 *
 * Written by the attaching task before the attachment is on the buffer's list,
 * constant from then on.
 */
struct dma_buf_core_attachment {
	struct dma_buf_attachment base;
	struct dma_buf_negotiation *negotiation;
	const struct dma_buf_converter *conv;
	const struct dma_buf_mapping_exp_ops *exp_ops;
};

static inline struct dma_buf_core_attachment *
to_core_attachment(struct dma_buf_attachment *attach)
{
	return container_of(attach, struct dma_buf_core_attachment, base);
}

/*
 * Importers without operations cannot be told to let go: the buffer is pinned
 * for them if it can be.
 */
static inline bool
dma_buf_attachment_is_dynamic(struct dma_buf_attachment *attach)
{
	return !!attach->importer_ops;
}

/**
 * dma_buf_ops_valid - does an exporter say in exactly one way what it offers?
 * @ops: the exporter's operations
 *
 * There are two ways: a match_mapping callback or a single_exporter_match
 * entry.
 *
 * Return: True if it is exactly one of them.
 */
static inline bool dma_buf_ops_valid(const struct dma_buf_ops *ops)
{
	return !ops->match_mapping != !ops->single_exporter_match;
}

/*
 * Fill in the data of an attachment that was matched as SGT, directly or by a
 * converter. The exporter's PCI device is left out: nothing keeps it alive.
 */
static inline void dma_buf_sgt_finish(struct dma_buf_attachment *attach,
				      const struct dma_buf_mapping_match *imp,
				      enum dma_sgt_exporter_p2p p2p)
{
	struct dma_buf_mapping_match *result = &attach->map_type;

	result->sgt_data = imp->sgt_data;
	result->sgt_data.exporting_p2p_device = NULL;
	result->sgt_data.exporter_requires_p2p = p2p;
}

/* dma-buf-access.c */
bool dma_buf_vma_allowed(struct dma_buf *dmabuf, struct vm_area_struct *vma);

/* dma-buf-match.c */
void dma_buf_attachment_free(struct dma_buf_attachment *attach);
void dma_buf_attachment_show(struct seq_file *s,
			     struct dma_buf_attachment *attach);
void dma_buf_trace_refined(struct dma_buf_core_attachment *core,
			   const struct dma_buf_mapping_match *imp, int result);
int dma_buf_type_match(struct dma_buf *dmabuf,
		       const struct dma_buf_converter *conv,
		       const struct dma_buf_mapping_match *exp,
		       const struct dma_buf_mapping_match *imp);

#if IS_ENABLED(CONFIG_KUNIT)
void dma_buf_match_describe(char *buf, size_t len,
			    const struct dma_buf_mapping_match *entry);
const char *dma_buf_match_reason(const struct dma_buf_converter *conv,
				 const struct dma_buf_mapping_match *exp,
				 const struct dma_buf_mapping_match *imp,
				 int result);
#endif

/* dma-buf-sgt.c */
/* KUnit suites replace it where there is no PCI topology to ask */
bool dma_buf_p2p_reachable(struct pci_dev *pdev, struct device *dev);

const char *dma_buf_sgt_why_no_p2p(struct pci_dev *pdev,
				   const struct dma_buf_mapping_match *imp);
int dma_buf_sgt_check_p2p(struct pci_dev *pdev,
			  const struct dma_buf_mapping_match *imp);

/* dma-buf-pal.c */
extern const struct dma_buf_mapping_type dma_buf_mapping_pal_type;

int dma_buf_phys_list_check(const struct dma_buf_phys_list *list, size_t size);
const struct dma_buf_phys_list *
dma_buf_pal_map(struct dma_buf_attachment *attach);
void dma_buf_pal_unmap(struct dma_buf_attachment *attach,
		       const struct dma_buf_phys_list *list);

/* dma-buf-pal-sgt.c */
extern const struct dma_buf_converter dma_buf_pal_to_sgt;

/* KUnit suites replace it where there is no PCI topology to ask */
enum pci_p2pdma_map_type dma_buf_p2p_map_type(struct p2pdma_provider *provider,
					      struct device *dev);

#endif /* _DMA_BUF_CORE_H */
