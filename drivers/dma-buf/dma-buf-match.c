// SPDX-License-Identifier: GPL-2.0-only
/*
 * dma-buf mapping types: the negotiation between importer and exporter.
 */
#include <linux/dma-resv.h>
#include <linux/export.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include <kunit/visibility.h>

#include "dma-buf-core.h"

#define CREATE_TRACE_POINTS
#include <trace/events/dma_buf_mapping.h>

/**
 * DOC: mapping types
 *
 * A buffer can be handed over in more than one form: as a scatterlist of DMA
 * addresses made for one device (SGT), as a list of physical ranges (PAL), or
 * in a form that two drivers keep to themselves. Such a form is a &struct
 * dma_buf_mapping_type. Each has map and unmap calls of its own.
 *
 * The form is negotiated once, when an importer attaches, and stays for the
 * life of the attachment:
 *
 * 1. The importer passes a list of what it can take, most wanted first, to
 *    dma_buf_mapping_attach(). dma_buf_sgt_attach() and
 *    dma_buf_sgt_dynamic_attach() pass the usual list of one SGT entry.
 * 2. The exporter answers with a list of what it can give, best first: a
 *    constant one in &dma_buf_ops.single_exporter_match, or one made for this
 *    importer and this moment in &dma_buf_ops.match_mapping, which calls
 *    dma_buf_match_mapping().
 * 3. The core takes the first exporter entry that any importer entry fits. The
 *    exporter's order decides, the importer's order breaks ties. For each
 *    exporter entry a direct match is tried before a conversion: the core
 *    knows how to make a scatterlist of physical ranges.
 * 4. The exporter sees the result in &dma_buf_ops.attach and may refuse it or
 *    take less, through the refine functions of the type.
 *
 * No common type is -EOPNOTSUPP to the importer, whoever asked.
 *
 * .. code-block:: c
 *
 *	struct dma_buf_mapping_match imp[] = {
 *		DRIVER_PRIVATE_IMAPPING(drv),
 *		DMA_BUF_IMAPPING_SGT(drv->dev, DMA_SGT_IMPORTER_ACCEPTS_P2P),
 *	};
 *
 *	attach = dma_buf_mapping_attach(dmabuf, imp, ARRAY_SIZE(imp), &ops, drv);
 *	if (IS_ERR(attach))
 *		return PTR_ERR(attach);
 *	if (dma_buf_is_sgt(attach))
 *		sgt = dma_buf_sgt_map_attachment_unlocked(attach, dir);
 *
 * An importer that asks for more than plain SGT must be dynamic: revocation is
 * part of the contract of every type. After a revoke, map calls fail with
 * -ENODEV.
 *
 * debugfs (dma_buf/bufinfo) names the type of every attachment. The tracepoint
 * dma_buf:dma_buf_mapping_match shows every pair of entries that was tried and
 * why it did or did not match.
 */

static const struct dma_buf_converter *const converters[] = {
	&dma_buf_pal_to_sgt,
};

static const struct dma_buf_converter *
find_converter(const struct dma_buf_mapping_type *from,
	       const struct dma_buf_mapping_type *to)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(converters); i++)
		if (converters[i]->from == from && converters[i]->to == to)
			return converters[i];
	return NULL;
}

/*
 * Write what @entry says into @buf: the type's name and the type's own words.
 */
VISIBLE_IF_KUNIT void
dma_buf_match_describe(char *buf, size_t len,
		       const struct dma_buf_mapping_match *entry)
{
	int n = scnprintf(buf, len, "%s", entry->type->name);

	if (entry->type->describe)
		entry->type->describe(buf + n, len - n, entry);
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_match_describe);

/* Say why a pair matched or not. */
VISIBLE_IF_KUNIT const char *
dma_buf_match_reason(const struct dma_buf_converter *conv,
		     const struct dma_buf_mapping_match *exp,
		     const struct dma_buf_mapping_match *imp, int result)
{
	const char *(*why)(const struct dma_buf_mapping_match *exp,
			   const struct dma_buf_mapping_match *imp);

	if (!result)
		return conv ? "converted" : "matched";
	if (result != -EOPNOTSUPP)
		return "error";
	if (!conv && exp->type != imp->type)
		return "different types";

	why = conv ? conv->why : exp->type->why;
	return why ? why(exp, imp) : "refused by the type";
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_match_reason);

/*
 * Ask the type, or the converter between two types, if the entries fit. A
 * positive answer is a bug in the type that must not be taken for a match.
 */
int dma_buf_type_match(struct dma_buf *dmabuf,
		       const struct dma_buf_converter *conv,
		       const struct dma_buf_mapping_match *exp,
		       const struct dma_buf_mapping_match *imp)
{
	int ret;

	if (conv)
		ret = conv->match(dmabuf, exp, imp);
	else if (exp->type->match)
		ret = exp->type->match(dmabuf, exp, imp);
	else
		ret = 0;

	if (WARN_ONCE(ret > 0, "mapping type %s: match returned %d\n",
		      exp->type->name, ret))
		return -EINVAL;
	return ret;
}

/*
 * Show a pair to those who trace. Tracepoints are atomic and types may sleep, so
 * put it into words before.
 */
static noinline void trace_pair(struct dma_buf *dmabuf,
				const struct dma_buf_converter *conv,
				const struct dma_buf_mapping_match *exp,
				const struct dma_buf_mapping_match *imp,
				int result)
{
	char exporter[DMA_BUF_ENTRY_LEN], importer[DMA_BUF_ENTRY_LEN];

	dma_buf_match_describe(exporter, sizeof(exporter), exp);
	dma_buf_match_describe(importer, sizeof(importer), imp);
	trace_dma_buf_mapping_match(dmabuf, exporter, importer, result,
				    dma_buf_match_reason(conv, exp, imp,
							 result));
}

/*
 * Show what became of a match when the exporter refined it. @imp is what the
 * importer gets, or would have got.
 */
void dma_buf_trace_refined(struct dma_buf_core_attachment *core,
			   const struct dma_buf_mapping_match *imp, int result)
{
	if (trace_dma_buf_mapping_match_enabled())
		trace_pair(core->base.dmabuf, core->conv,
			   core->negotiation->exp, imp, result);
}

/*
 * The module that a type lives in stays for as long as an attachment speaks
 * it. The exporter's module is held by the buffer, the importer's is running,
 * but the type may be of a third.
 */
static int try_pair(struct dma_buf_match_args *args,
		    const struct dma_buf_mapping_match *exp,
		    const struct dma_buf_mapping_match *imp, bool convert)
{
	const struct dma_buf_converter *conv = NULL;
	int ret = -EOPNOTSUPP;

	if (convert)
		conv = find_converter(exp->type, imp->type);
	if (convert ? !!conv : exp->type == imp->type)
		ret = dma_buf_type_match(args->dmabuf, conv, exp, imp);
	if (!ret && !try_module_get(imp->type->owner))
		ret = -ENODEV;

	/* Two types without a converter between them are reported once */
	if (trace_dma_buf_mapping_match_enabled() && (conv || !convert))
		trace_pair(args->dmabuf, conv, exp, imp, ret);
	return ret;
}

/* After try_pair() said 0 */
static void finish_pair(struct dma_buf_match_args *args,
			const struct dma_buf_mapping_match *exp,
			const struct dma_buf_mapping_match *imp, bool convert)
{
	struct dma_buf_core_attachment *core = to_core_attachment(args->attach);
	struct dma_buf_mapping_match *result = &args->attach->map_type;

	core->exp_ops = exp->exp_ops;
	core->negotiation->exp_copy = *exp;
	core->negotiation->exp = &core->negotiation->exp_copy;
	*result = *imp;
	result->exp_ops = exp->exp_ops;

	if (convert) {
		core->conv = find_converter(exp->type, imp->type);
		core->conv->finish(args, exp, imp);
	} else if (exp->type->finish_match) {
		exp->type->finish_match(args, exp, imp);
	}

	/* finish_match() may fill in the data but not change the type */
	if (WARN_ON_ONCE(result->type != imp->type))
		result->type = imp->type;
}

/* What types may rely on when they are asked about an exporter's entry */
static bool entries_valid(const struct dma_buf_mapping_match *entries,
			  size_t len)
{
	size_t i;

	if (!entries || !len)
		return false;
	for (i = 0; i < len; i++)
		if (WARN_ON_ONCE(!entries[i].type || !entries[i].exp_ops))
			return false;
	return true;
}

/*
 * Importers that ask for more than plain SGT have to be able to let go of the
 * buffer again: they are dynamic. With physical addresses they have to do so on
 * demand.
 */
static bool entry_fits_importer(const struct dma_buf_mapping_match *imp,
				const struct dma_buf_attach_ops *importer_ops)
{
	if (imp->type == &dma_buf_mapping_pal_type)
		return importer_ops && importer_ops->invalidate_mappings;
	if (imp->type != &dma_buf_mapping_sgt_type)
		return importer_ops;
	return imp->sgt_data.importing_dma_device &&
	       (importer_ops || !imp->sgt_data.importer_accepts_p2p);
}

/**
 * dma_buf_match_mapping - find the mapping type for an attachment
 * @args: the negotiation, as &dma_buf_ops.match_mapping got it
 * @exp_matches: what the exporter offers, best first. May be on the stack.
 * @exp_len: number of entries in @exp_matches, at least one
 *
 * For exporters, to be called from &dma_buf_ops.match_mapping, and not again
 * after it has succeeded. Takes the first exporter entry that an importer entry
 * fits, directly or, after all importer entries were tried directly, by
 * conversion.
 *
 * Context: May sleep. Takes no lock. The exporter may hold the reservation lock
 * of the buffer around the call, if what it offers changes under that lock.
 *
 * Return: 0 and &dma_buf_attachment.map_type filled in; -EOPNOTSUPP if the two
 * have no type in common; -EINVAL for an empty or malformed list; -ENODEV if
 * the module of the type is being unloaded; what a type returned if that is
 * another error.
 */
int dma_buf_match_mapping(struct dma_buf_match_args *args,
			  const struct dma_buf_mapping_match *exp_matches,
			  size_t exp_len)
{
	unsigned int convert;
	size_t e, i;
	int ret;

	might_sleep();

	if (!entries_valid(exp_matches, exp_len))
		return -EINVAL;
	/* A second call would leak the reference of the first match */
	if (WARN_ON_ONCE(args->attach->map_type.type))
		return -EINVAL;

	for (e = 0; e < exp_len; e++) {
		for (convert = 0; convert <= 1; convert++) {
			for (i = 0; i < args->imp_len; i++) {
				const struct dma_buf_mapping_match *imp =
					&args->imp_matches[i];

				ret = try_pair(args, &exp_matches[e], imp,
					       convert);
				if (!ret)
					finish_pair(args, &exp_matches[e], imp,
						    convert);
				if (ret != -EOPNOTSUPP)
					return ret;
			}
		}
	}
	return -EOPNOTSUPP;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_match_mapping, "DMA_BUF");

/*
 * Nearly every attachment is one device on an exporter that has only plain SGT.
 * There is nothing to ask the type about then: that exporter's entry. NULL for
 * all other attachments, and while somebody traces, who gets to see the match.
 */
static const struct dma_buf_mapping_match *
plain_sgt_offer(const struct dma_buf_ops *ops,
		const struct dma_buf_mapping_match *imp, size_t len,
		const struct dma_buf_attach_ops *importer_ops)
{
	const struct dma_buf_mapping_match *exp = ops->single_exporter_match;

	if (!exp || exp->type != &dma_buf_mapping_sgt_type || !exp->exp_ops ||
	    exp->sgt_data.exporter_requires_p2p != DMA_SGT_EXPORTER_NO_P2P)
		return NULL;
	if (len != 1 || !imp || imp->type != &dma_buf_mapping_sgt_type ||
	    !entry_fits_importer(imp, importer_ops) ||
	    trace_dma_buf_mapping_match_enabled())
		return NULL;
	return exp;
}

/* As dma_buf_sgt_finish(), on an attachment that is all zeroes */
static void take_plain_sgt(struct dma_buf_attachment *attach,
			   const struct dma_buf_mapping_match *exp,
			   const struct dma_buf_mapping_match *imp)
{
	struct dma_buf_mapping_match *result = &attach->map_type;

	result->type = &dma_buf_mapping_sgt_type;
	result->exp_ops = exp->exp_ops;
	result->sgt_data.importing_dma_device =
		imp->sgt_data.importing_dma_device;
	result->sgt_data.importer_accepts_p2p =
		imp->sgt_data.importer_accepts_p2p;
}

/*
 * Let the exporter choose. Its callback is not trusted to get the result
 * right: a match without a type would be found much later, in a map call.
 */
static int exporter_match(struct dma_buf_match_args *args)
{
	const struct dma_buf_ops *ops = args->dmabuf->ops;
	int ret;

	if (!ops->match_mapping)
		return dma_buf_match_mapping(args, ops->single_exporter_match,
					     1);

	ret = ops->match_mapping(args);
	if (WARN_ONCE(ret > 0 || (!ret && !args->attach->map_type.type),
		      "dma-buf exporter %s: match_mapping returned %d with%s a match\n",
		      args->dmabuf->exp_name, ret,
		      args->attach->map_type.type ? "" : "out"))
		return -EINVAL;
	return ret;
}

/* What was chosen is in the attachment: the exporter may refuse or refine it */
static int exporter_attach(struct dma_buf_attachment *attach)
{
	struct dma_buf *dmabuf = attach->dmabuf;
	int ret;

	if (!dmabuf->ops->attach)
		return 0;

	ret = dmabuf->ops->attach(dmabuf, attach);
	if (WARN_ONCE(ret > 0, "dma-buf exporter %s: attach returned %d\n",
		      dmabuf->exp_name, ret))
		return -EINVAL;
	return ret;
}

/*
 * Find the type, or take that of the @plain offer, and let the exporter see the
 * result. Only here the refine functions of the types have something to work on.
 */
static int negotiate(struct dma_buf_core_attachment *core,
		     const struct dma_buf_mapping_match *imp, size_t len,
		     const struct dma_buf_mapping_match *plain)
{
	struct dma_buf_negotiation negotiation __uninitialized;
	int ret = 0;

	negotiation.args = (struct dma_buf_match_args){
		.dmabuf = core->base.dmabuf,
		.attach = &core->base,
		.imp_matches = imp,
		.imp_len = len,
	};
	negotiation.exp = plain;
	core->negotiation = &negotiation;

	if (!plain)
		ret = exporter_match(&negotiation.args);
	if (!ret)
		ret = exporter_attach(&core->base);
	core->negotiation = NULL;
	return ret;
}

static int check_importer(const struct dma_buf_mapping_match *imp, size_t len,
			  const struct dma_buf_attach_ops *importer_ops)
{
	size_t i;

	if (!imp || !len)
		return -EINVAL;
	for (i = 0; i < len; i++)
		if (WARN_ON_ONCE(!imp[i].type) ||
		    !entry_fits_importer(&imp[i], importer_ops))
			return -EINVAL;
	return 0;
}

/**
 * dma_buf_attachment_free - free an attachment that is on no list any more
 * @attach: the attachment
 *
 * Drops the reference on the module of the negotiated type.
 */
void dma_buf_attachment_free(struct dma_buf_attachment *attach)
{
	if (attach->map_type.type)
		module_put(attach->map_type.type->owner);
	kfree(to_core_attachment(attach));
}

/**
 * dma_buf_mapping_attach - attach to a buffer with a list of mapping types
 * @dmabuf: buffer to attach to; the caller holds a reference on it for as long
 *	as the attachment exists
 * @imp_matches: what the importer can take, most wanted first. May be on the
 *	stack, is not looked at after the call.
 * @imp_len: number of entries in @imp_matches, at least one
 * @importer_ops: importer operations. May be NULL, for an importer that does
 *	not follow moves of the buffer, only if all entries are SGT without
 *	peer-to-peer. With a PAL entry it has to be able to revoke.
 * @importer_priv: importer private pointer, in &dma_buf_attachment.importer_priv
 *
 * Finds a mapping type that both sides can speak and makes an attachment of it.
 * The result is in &dma_buf_attachment.map_type, for the accessors of the types.
 * &dma_buf_attach_ops.invalidate_mappings may be called before this returns.
 *
 * Context: May sleep. Must not be called with the reservation lock held.
 *
 * Return: The attachment, owned by the caller and to be given back with
 * dma_buf_detach(), or an ERR_PTR: -EOPNOTSUPP if the two sides have no type in
 * common, -EINVAL if the list is empty or malformed, -ENOMEM, -ENODEV if the
 * buffer was revoked, -EINTR if the task was killed, or any other error of the
 * exporter.
 */
struct dma_buf_attachment *
dma_buf_mapping_attach(struct dma_buf *dmabuf,
		       const struct dma_buf_mapping_match *imp_matches,
		       size_t imp_len,
		       const struct dma_buf_attach_ops *importer_ops,
		       void *importer_priv)
{
	const struct dma_buf_mapping_match *plain;
	struct dma_buf_core_attachment *core;
	struct dma_buf_attachment *attach;
	int ret = 0;

	might_sleep();

	if (WARN_ON(!dmabuf))
		return ERR_PTR(-EINVAL);

	plain = plain_sgt_offer(dmabuf->ops, imp_matches, imp_len,
				importer_ops);
	if (!plain)
		ret = check_importer(imp_matches, imp_len, importer_ops);
	if (ret)
		return ERR_PTR(ret);

	core = kzalloc_obj(*core, GFP_KERNEL_ACCOUNT);
	if (!core)
		return ERR_PTR(-ENOMEM);

	/* Exporters decide on all of the attachment, so complete it first */
	attach = &core->base;
	attach->dmabuf = dmabuf;
	attach->importer_ops = importer_ops;
	attach->importer_priv = importer_priv;

	if (plain)
		take_plain_sgt(attach, plain, imp_matches);
	if (!plain || dmabuf->ops->attach)
		ret = negotiate(core, imp_matches, imp_len, plain);
	if (ret)
		goto err_free;

	ret = dma_buf_lock_killable(dmabuf);
	if (ret)
		goto err_detach;
	list_add(&attach->node, &dmabuf->attachments);
	dma_resv_unlock(dmabuf->resv);

	DMA_BUF_TRACE(trace_dma_buf_dynamic_attach, dmabuf, attach,
		      dma_buf_attachment_is_dynamic(attach),
		      dma_buf_sgt_dma_device(attach));

	return attach;

err_detach:
	if (dmabuf->ops->detach)
		dmabuf->ops->detach(dmabuf, attach);
err_free:
	dma_buf_attachment_free(attach);
	return ERR_PTR(ret);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_mapping_attach, "DMA_BUF");

/**
 * dma_buf_device_memory_allowed - can all importers follow into device memory?
 * @dmabuf: the buffer
 *
 * For exporters that can move the buffer and are about to pin it: it may stay
 * in memory of their device only as long as no attachment needs it in system
 * memory. Each attachment's type is asked, so that this does not depend on what
 * else than scatterlists importers speak.
 *
 * Context: The reservation lock of the buffer is held.
 *
 * Return: True if no attachment is in the way.
 */
bool dma_buf_device_memory_allowed(struct dma_buf *dmabuf)
{
	struct dma_buf_attachment *attach;

	dma_resv_assert_held(dmabuf->resv);

	list_for_each_entry(attach, &dmabuf->attachments, node) {
		const struct dma_buf_mapping_type *type = attach->map_type.type;

		if (type->device_memory && !type->device_memory(attach))
			return false;
	}
	return true;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_device_memory_allowed, "DMA_BUF");

/**
 * dma_buf_attachment_show - print one line about an attachment
 * @s: seq_file of dma_buf/bufinfo in debugfs
 * @attach: the attachment
 *
 * Context: The reservation lock of the buffer is held.
 */
void dma_buf_attachment_show(struct seq_file *s,
			     struct dma_buf_attachment *attach)
{
	const struct dma_buf_converter *conv = to_core_attachment(attach)->conv;
	const struct dma_buf_mapping_type *type = attach->map_type.type;

	dma_resv_assert_held(attach->dmabuf->resv);

	seq_printf(s, "\t%s:", type->name);
	if (type->debugfs_dump) {
		seq_putc(s, ' ');
		type->debugfs_dump(s, attach);
	}
	if (conv)
		seq_printf(s, " (from %s)", conv->from->name);
	seq_putc(s, '\n');
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_attachment_show);
