/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private to the dma-buf core: the parts of attachments and mapping types that
 * importers and exporters do not see.
 */
#ifndef _DMA_BUF_CORE_H
#define _DMA_BUF_CORE_H

#include <linux/dma-buf.h>
#include <linux/dma-buf-mapping.h>
#include <linux/dma-resv.h>

#include <trace/events/dma_buf.h>

/*
 * The tracepoints read dmabuf->name, which name_lock protects. Lockdep sees the
 * lock whether tracing is on or not, so that it finds a wrong context in any case.
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

/* The description of an entry is cut off at this length */
#define DMA_BUF_ENTRY_LEN 48

/**
 * struct dma_buf_converter - serves importers of one type from another
 * @from: what the exporter offers
 * @match: as &dma_buf_mapping_type.match, for a pair of @from and the type that
 *	has this converter; puts the converter's own operations into the result
 */
struct dma_buf_converter {
	const struct dma_buf_mapping_type *from;
	int (*match)(const struct dma_buf_match_args *args,
		     const struct dma_buf_mapping_match *exp,
		     const struct dma_buf_mapping_match *imp,
		     struct dma_buf_mapping_match *result, const char **why);
};

/**
 * struct dma_buf_core_attachment - an attachment as the core knows it
 * @base: the part that importer and exporter see. @base.map_type points into
 *	@matches.
 * @matches: the set, in the order of preference: @first, or an array of its own
 *	as soon as there is a second match
 * @nr_matches: length of @matches
 * @users: number of mappings and pins of the attachment. @base.map_type does not
 *	change while there are any, so that they are undone as they were done.
 * @chosen: @base.map_type was chosen by a map or a pin, and holds
 * @stale: invalidated since the choice, which ends with the last of the @users
 * @domain_map: the mapping, if the attachment is of the DOMAIN type
 * @first: a set of one, which nearly all attachments have. Not initialized before
 *	@nr_matches counts it, and for that reason the last member.
 *
 * The attaching task writes @matches, the array and @nr_matches before the
 * attachment is on the buffer's list; they are constant from then on. Writers of
 * @base.map_type, @users, @chosen, @stale and @domain_map hold the reservation lock
 * of the buffer. @base.map_type is also read without the lock: it always points to
 * one match of the set. @domain_map is too, by the importer, which decides when it
 * exists.
 */
struct dma_buf_core_attachment {
	struct dma_buf_attachment base;
	struct dma_buf_match *matches;
	unsigned int nr_matches;
	unsigned int users;
	bool chosen;
	bool stale;
	struct dma_buf_domain_map *domain_map;
	struct dma_buf_match first;
};

static inline struct dma_buf_core_attachment *
to_core_attachment(const struct dma_buf_attachment *attach)
{
	return container_of_const((struct dma_buf_attachment *)attach,
				  struct dma_buf_core_attachment, base);
}

/* The pair that is selected, or the default */
static inline const struct dma_buf_match *
dma_buf_current_match(const struct dma_buf_attachment *attach)
{
	return container_of_const(dma_buf_attach_map_type(attach),
				  struct dma_buf_match, result);
}

/*
 * Importers without operations cannot be asked to let go of the buffer: the core
 * pins it for them if the exporter can pin.
 */
static inline bool
dma_buf_attachment_is_dynamic(struct dma_buf_attachment *attach)
{
	return !!attach->importer_ops;
}

/* dma_buf_device_may_write() as an inline function, for map calls */
static inline bool dma_buf_may_write(const struct dma_buf *dmabuf)
{
	return likely(!dmabuf->ops->dma_follows_file_mode) ||
	       dmabuf->file->f_mode & FMODE_WRITE;
}

int dma_buf_choose(struct dma_buf_core_attachment *core);

/*
 * Called before something is mapped or pinned. Returns 0, 1 if this call has made
 * the choice, or the error of the exporter. Without a choice the default holds.
 */
static inline int dma_buf_use_begin(struct dma_buf_core_attachment *core)
{
	if (core->base.dmabuf->ops->select_mapping && unlikely(!core->chosen))
		return dma_buf_choose(core);
	core->users++;
	return 0;
}

/* End the choice: the default holds until the next one */
static inline void dma_buf_unchoose(struct dma_buf_core_attachment *core)
{
	core->chosen = false;
	core->stale = false;
	WRITE_ONCE(core->base.map_type, &core->matches->result);
}

/* Called after something was unmapped or unpinned */
static inline void dma_buf_use_end(struct dma_buf_core_attachment *core)
{
	if (!--core->users && unlikely(core->stale))
		dma_buf_unchoose(core);
}

/*
 * The map or pin after dma_buf_use_begin(), which returned @made, has failed. End a
 * choice that was made for it.
 */
static inline void dma_buf_use_undo(struct dma_buf_core_attachment *core,
				    int made)
{
	dma_buf_use_end(core);
	if (made)
		dma_buf_unchoose(core);
}

/* dma_buf_lock_killable(), which goes on waiting if a signal ends the first try */
static inline int dma_buf_core_lock(struct dma_buf *dmabuf)
{
	int ret = dma_resv_lock_interruptible(dmabuf->resv, NULL);

	return likely(!ret) ? 0 : dma_buf_lock_killable(dmabuf);
}

/* dma-buf-hangup.c */
__poll_t dma_buf_poll_hup(struct dma_buf *dmabuf);

/* dma-buf-access.c */
bool dma_buf_vma_allowed(struct dma_buf *dmabuf, struct vm_area_struct *vma);

/* dma-buf-match.c */
bool dma_buf_ops_valid(const struct dma_buf_ops *ops);
void dma_buf_attachment_free(struct dma_buf_attachment *attach);
int dma_buf_attachment_pin(struct dma_buf_attachment *attach);
void dma_buf_attachment_unpin(struct dma_buf_attachment *attach);
void dma_buf_attachment_invalidate(struct dma_buf_attachment *attach);

/* dma-buf-show.c */
void dma_buf_attachment_show(struct seq_file *s,
			     struct dma_buf_attachment *attach);
void dma_buf_attachments_fdinfo(struct seq_file *s, struct dma_buf *dmabuf);
void dma_buf_match_describe(char *buf, size_t len,
			    const struct dma_buf_mapping_match *entry);

/* KUnit suites that are built in have no module to show */
bool dma_buf_type_in_module(const struct dma_buf_mapping_type *type);

/* dma-buf-sgt.c */
/* KUnit suites replace it where there is no PCI topology to ask */
bool dma_buf_p2p_reachable(struct pci_dev *pdev, struct device *dev);

int dma_buf_sgt_check_p2p(const struct dma_buf_match_args *args,
			  struct pci_dev *pdev,
			  const struct dma_buf_mapping_match *imp,
			  const char **why);

/* dma-buf-pal.c */
int dma_buf_phys_list_check(const struct dma_buf_phys_list *list, size_t size,
			    unsigned int kinds);
const struct dma_buf_phys_list *
dma_buf_pal_map(struct dma_buf_attachment *attach);
void dma_buf_pal_unmap(struct dma_buf_attachment *attach,
		       const struct dma_buf_phys_list *list);
const struct dma_buf_phys_list *
dma_buf_pal_map_phys(struct dma_buf_attachment *attach);
void dma_buf_pal_unmap_phys(struct dma_buf_attachment *attach,
			    const struct dma_buf_phys_list *list);

/* dma-buf-pal-sgt.c */
extern const struct dma_buf_converter dma_buf_pal_to_sgt;

/* KUnit suites replace them where there is no PCI topology */
enum pci_p2pdma_map_type dma_buf_p2p_map_type(struct p2pdma_provider *provider,
					      struct device *dev);
const struct resource *dma_buf_p2p_bar(struct p2pdma_provider *provider);
/* dma-buf-domain.c; KUnit suites replace it where no memory is encrypted */
bool dma_buf_memory_is_plain(void);

/* KUnit suites replace it on machines where all devices are coherent */
bool dma_buf_dev_coherent(struct device *dev);

#endif /* _DMA_BUF_CORE_H */
