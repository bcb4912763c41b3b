// SPDX-License-Identifier: GPL-2.0-only
/*
 * dma-buf mapping types: the negotiation between importer and exporter.
 */
#include <linux/dma-resv.h>
#include <linux/export.h>
#include <linux/module.h>
#include <linux/slab.h>

#include <kunit/static_stub.h>
#include <kunit/visibility.h>

#include "dma-buf-core.h"

#define CREATE_TRACE_POINTS
#include <trace/events/dma_buf_mapping.h>

/**
 * DOC: mapping types
 *
 * An exporter can hand a buffer over in more than one form: as a scatterlist of DMA
 * addresses made for one device (SGT), as mappings in IOMMU domains (DOMAIN), or
 * in a form that two drivers define for themselves. Such a form is a &struct
 * dma_buf_mapping_type. Each has map and unmap calls of its own. Exporters can
 * offer physical ranges (PAL), of which the core makes SGT and DOMAIN.
 *
 * The core finds out what fits once, when an importer attaches. The exporter
 * decides which match is used when the buffer is first mapped or pinned:
 *
 * 1. The importer has a list of what it can take, most wanted first: a constant
 *    one in &dma_buf_attach_ops.supported_mapping_types, for the device that it
 *    passes to dma_buf_dynamic_attach(), or one made at run time, which it
 *    passes to dma_buf_mapping_attach(). Without a list it takes a scatterlist.
 * 2. The exporter answers with a list of what it can give, best first: a
 *    constant one in &dma_buf_ops.single_exporter_match, with
 *    &dma_buf_ops.domain_exporter_match behind it, or one made for this
 *    importer in &dma_buf_ops.match_mapping, which calls
 *    dma_buf_match_mapping().
 * 3. The core records all pairs of entries that fit, up to %DMA_BUF_MAX_MATCHES:
 *    the set of the attachment. The pairs are in the exporter's order; the
 *    importer's order breaks ties. A pair of different types fits if the core can
 *    convert the exporter's type into the importer's. Importers that attach later
 *    do not change the set.
 * 4. The first pair is the default. When the buffer is first mapped or pinned,
 *    the exporter may select another one in &dma_buf_ops.select_mapping: with
 *    the reservation lock held it knows where the buffer is, whether its device
 *    sleeps, and which other importers are attached. The choice holds, over unmap
 *    and map, unpin and pin, until the exporter has called
 *    dma_buf_invalidate_mappings() and everything that was mapped before is
 *    unmapped. If selecting fails, nothing is mapped and nothing chosen.
 *
 * If no type is common to both sides, every importer gets -EOPNOTSUPP.
 *
 * An importer that asks for more than plain SGT must be dynamic: revocation is
 * part of the contract of every type. After a revoke, map calls fail with
 * -ENODEV.
 *
 * debugfs (dma_buf/bufinfo) and the fdinfo of the buffer name the type of every
 * attachment. The tracepoint dma_buf:dma_buf_mapping_match shows every pair of
 * entries that was tried and why it did or did not match,
 * dma_buf:dma_buf_mapping_select shows what an exporter selected.
 */

/*
 * A type without an owner claims to be built in. If its address lies in a module,
 * it is not.
 */
bool dma_buf_type_in_module(const struct dma_buf_mapping_type *type)
{
	KUNIT_STATIC_STUB_REDIRECT(dma_buf_type_in_module, type);
	return is_module_address((unsigned long)type);
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_type_in_module);

/*
 * The module of a type must stay for as long as an attachment can use the type. The
 * buffer holds the exporter's module and the importer's module is running, but the
 * type may belong to a third module.
 */
static int get_type(const struct dma_buf_mapping_type *type, const char **why)
{
	/* Built in */
	if (type->converter)
		return 0;
	if (!type->owner) {
		if (!WARN_ONCE(dma_buf_type_in_module(type),
			       "mapping type %s has no owner\n", type->name))
			return 0;
		*why = "type has no owner";
		return -EOPNOTSUPP;
	}
	if (try_module_get(type->owner))
		return 0;
	*why = "type is being unloaded";
	return -EOPNOTSUPP;
}

/* Does the exporter's offer allow such an importer, whatever the type answers? */
static const char *check_offer(const struct dma_buf_match_args *args,
			       const struct dma_buf_mapping_match *exp,
			       const struct dma_buf_mapping_match *imp)
{
	bool sgt = dma_buf_match_is_sgt(imp);

	if (exp->flags & DMA_BUF_OFFER_SGT && !sgt)
		return "offered as a scatterlist only";
	if (exp->flags & DMA_BUF_OFFER_DOMAIN && sgt)
		return "offered to address spaces only";
	if (exp->flags & DMA_BUF_OFFER_REVOCABLE &&
	    !dma_buf_attach_revocable(args->attach))
		return "importer cannot be revoked";
	return NULL;
}

/*
 * Ask the type, or the converter between two types, whether the entries fit. A
 * positive return value is a bug in the type and must not pass for a match.
 */
static __always_inline int
ask_type(const struct dma_buf_match_args *args,
	 const struct dma_buf_converter *conv,
	 const struct dma_buf_mapping_match *exp,
	 const struct dma_buf_mapping_match *imp,
	 struct dma_buf_mapping_match *result, const char **why)
{
	const struct dma_buf_mapping_type *type = result->type;
	int ret;

	if (conv)
		ret = conv->match(args, exp, imp, result, why);
	else if (exp->type->match)
		ret = exp->type->match(args, exp, imp, result, why);
	else
		ret = 0;

	if (WARN_ONCE(ret > 0, "mapping type %s: match returned %d\n",
		      exp->type->name, ret))
		return -EINVAL;
	/* It may fill in the data but must not change the type */
	if (WARN_ON_ONCE(result->type != type))
		result->type = type;
	return ret;
}

/* Allocate the array for a set of more than one. The exporter may hold the lock. */
static noinline bool more_slots(struct dma_buf_core_attachment *core)
{
	struct dma_buf_match *matches;

	matches = kzalloc_objs(*matches, DMA_BUF_MAX_MATCHES,
			       GFP_KERNEL_ACCOUNT);
	if (!matches)
		return false;
	matches[0] = core->first;
	core->matches = matches;
	return true;
}

/* The slot for the next match, or NULL. The set is not full. */
static __always_inline struct dma_buf_match *
next_slot(struct dma_buf_core_attachment *core)
{
	if (!core->nr_matches)
		return core->matches;
	if (core->matches == &core->first && !more_slots(core))
		return NULL;
	return &core->matches[core->nr_matches];
}

/*
 * Write all members, but @provider and @kinds only if there is a converter, which alone
 * reads them: the slot is uninitialized, or holds leftovers of a pair that did not fit.
 */
static void fill_slot(struct dma_buf_match *match,
		      const struct dma_buf_mapping_match *exp,
		      const struct dma_buf_mapping_match *imp,
		      const struct dma_buf_converter *conv)
{
	match->result = *imp;
	match->result.exp_ops = exp->exp_ops;
	match->offer = exp->exp_ops;
	match->conv = conv;
	match->flags = exp->flags;
	/* All converters are from PAL, which no importer can list */
	if (conv) {
		match->provider = exp->pal_data.provider;
		match->kinds = exp->pal_data.kinds;
	}
}

/* This reason ends the negotiation; all others are about one pair */
static const char no_slot[] = "no memory for the set";

static __always_inline int match_pair(const struct dma_buf_match_args *args,
				      const struct dma_buf_mapping_match *exp,
				      const struct dma_buf_mapping_match *imp,
				      const char **why)
{
	struct dma_buf_core_attachment *core = to_core_attachment(args->attach);
	const struct dma_buf_converter *conv = NULL;
	struct dma_buf_match *match;
	int ret;

	if (core->nr_matches == DMA_BUF_MAX_MATCHES) {
		*why = "no room in the set";
		return -ENOSPC;
	}
	*why = NULL;
	if (exp->type != imp->type) {
		conv = imp->type->converter;
		if (!conv || conv->from != exp->type) {
			*why = "different types";
			return -EOPNOTSUPP;
		}
	}
	if (exp->flags) {
		*why = check_offer(args, exp, imp);
		if (*why)
			return -EOPNOTSUPP;
	}

	match = next_slot(core);
	if (!match) {
		*why = no_slot;
		return -ENOMEM;
	}
	fill_slot(match, exp, imp, conv);
	ret = ask_type(args, conv, exp, imp, &match->result, why);
	if (!ret)
		ret = get_type(match->result.type, why);
	if (!ret)
		core->nr_matches++;
	return ret;
}

/*
 * Trace a pair. Tracepoints are atomic and the callbacks of types may sleep, so
 * format the entries first.
 */
static noinline void trace_pair(const struct dma_buf_match_args *args,
				const struct dma_buf_mapping_match *exp,
				const struct dma_buf_mapping_match *imp,
				int result, const char *why)
{
	char exporter[DMA_BUF_ENTRY_LEN], importer[DMA_BUF_ENTRY_LEN];
	struct dma_buf_mapping_match entry = *imp;

	if (!result)
		why = exp->type == imp->type ? "matched" : "converted";
	else if (!why)
		why = result == -EOPNOTSUPP ? "refused by the type" : "error";
	if (imp->type == &dma_buf_mapping_sgt_type)
		entry.sgt_data.importing_dma_device =
			dma_buf_sgt_importer(args, imp);

	dma_buf_match_describe(exporter, sizeof(exporter), exp);
	dma_buf_match_describe(importer, sizeof(importer), &entry);
	trace_dma_buf_mapping_match(args->dmabuf, exporter, importer, result,
				    why);
}

/* Try one pair, and trace the result */
static __always_inline int try_pair(const struct dma_buf_match_args *args,
				    const struct dma_buf_mapping_match *exp,
				    const struct dma_buf_mapping_match *imp,
				    const char **why)
{
	int ret = match_pair(args, exp, imp, why);

	if (trace_dma_buf_mapping_match_enabled())
		trace_pair(args, exp, imp, ret, *why);
	return ret;
}

/*
 * Try all of the importer's entries with one of the exporter's. Returns an error
 * that ends the negotiation. If the match callback of a pair fails with an error
 * other than -EOPNOTSUPP, store the error in @error, unless an earlier pair has.
 */
static int try_offer(const struct dma_buf_match_args *args,
		     const struct dma_buf_mapping_match *exp, int *error)
{
	const struct dma_buf_mapping_match *imp = args->imp_matches;
	const struct dma_buf_mapping_match *end = imp + args->imp_len;
	const char *why;
	int ret;

	for (; imp != end; imp++) {
		ret = try_pair(args, exp, imp, &why);
		if (!ret)
			continue;
		if (why == no_slot)
			return ret;
		if (*error == -EOPNOTSUPP)
			*error = ret;
	}
	return 0;
}

/* Check what the callbacks of types rely on in an exporter's entry */
static bool entry_valid(const struct dma_buf_mapping_match *entry)
{
	return entry->type && entry->exp_ops &&
	       !(entry->flags & ~DMA_BUF_OFFER_FLAGS);
}

/**
 * dma_buf_ops_valid - does an exporter declare in exactly one way what it offers?
 * @ops: the exporter's operations
 *
 * There are two ways: a match_mapping callback or a single_exporter_match
 * entry.
 *
 * Return: True if the operations have exactly one of them, constant entries are
 * well-formed, and a domain_exporter_match comes with a single_exporter_match.
 */
bool dma_buf_ops_valid(const struct dma_buf_ops *ops)
{
	const struct dma_buf_mapping_match *first = ops->single_exporter_match;
	const struct dma_buf_mapping_match *second = ops->domain_exporter_match;

	if (!ops->match_mapping == !first)
		return false;
	if (first && !entry_valid(first))
		return false;
	return !second || (first && entry_valid(second));
}

static bool entries_valid(const struct dma_buf_mapping_match *entries,
			  size_t len)
{
	size_t i;

	if (!entries || !len)
		return false;
	for (i = 0; i < len; i++)
		if (WARN_ON_ONCE(!entry_valid(&entries[i])))
			return false;
	return true;
}

/*
 * Importers that ask for more than plain SGT have to be able to let go of the
 * buffer: they are dynamic. For some types they have to do so when invalidated.
 */
static bool entry_fits_importer(const struct dma_buf_mapping_match *imp,
				struct device *dev,
				const struct dma_buf_attach_ops *importer_ops)
{
	/* Only the core imports it, see dma-buf-pal.c */
	if (imp->type == &dma_buf_mapping_pal_type)
		return false;
	if (imp->type->revocable)
		return importer_ops && importer_ops->invalidate_mappings;
	if (imp->type != &dma_buf_mapping_sgt_type)
		return importer_ops;
	return (imp->sgt_data.importing_dma_device || dev) &&
	       (importer_ops || !imp->sgt_data.importer_accepts_p2p);
}

/**
 * dma_buf_match_mapping - find the pairs that fit in two lists
 * @args: the negotiation, as &dma_buf_ops.match_mapping got it
 * @exp_matches: what the exporter offers, best first. May be on the stack.
 * @exp_len: number of entries in @exp_matches, at least one
 *
 * For exporters, to be called from &dma_buf_ops.match_mapping, and not again
 * after it has succeeded. Records every pair that fits, in the exporter's order
 * and, for one entry of the exporter, in the importer's. After
 * %DMA_BUF_MAX_MATCHES pairs it leaves out the rest, which the trace shows.
 *
 * Context: May sleep. Takes no lock. The exporter may hold the reservation lock
 * of the buffer around the call, if what it offers changes under that lock.
 *
 * Return: 0; -EOPNOTSUPP if no pair fits; -EINVAL for an empty or malformed
 * list; if no pair fits and the match callback of a type returned another error,
 * the first of those.
 */
int dma_buf_match_mapping(const struct dma_buf_match_args *args,
			  const struct dma_buf_mapping_match *exp_matches,
			  size_t exp_len)
{
	struct dma_buf_core_attachment *core = to_core_attachment(args->attach);
	int error = -EOPNOTSUPP;
	size_t i;
	int ret;

	might_sleep();

	if (!entries_valid(exp_matches, exp_len))
		return -EINVAL;
	/* The set is final */
	if (WARN_ON_ONCE(core->nr_matches))
		return -EINVAL;

	for (i = 0; i < exp_len; i++) {
		ret = try_offer(args, &exp_matches[i], &error);
		if (ret)
			return ret;
	}
	return core->nr_matches ? 0 : error;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_match_mapping, "DMA_BUF");

/*
 * The exporter's constant entries, which dma_buf_export() has checked: one, and
 * perhaps one for address spaces.
 */
static noinline int constant_match(const struct dma_buf_match_args *args,
				   const struct dma_buf_mapping_match *first,
				   const struct dma_buf_mapping_match *second)
{
	struct dma_buf_core_attachment *core = to_core_attachment(args->attach);
	int error = -EOPNOTSUPP;
	int ret;

	ret = try_offer(args, first, &error);
	if (!ret && second)
		ret = try_offer(args, second, &error);
	/* The set is incomplete: do not use it */
	if (ret)
		return ret;
	return core->nr_matches ? 0 : error;
}

/*
 * Let the exporter answer. Do not trust its callback to return the right result: a
 * success without a match would show much later, in a map call.
 */
static noinline int callback_match(const struct dma_buf_match_args *args)
{
	struct dma_buf_core_attachment *core = to_core_attachment(args->attach);
	int ret = args->dmabuf->ops->match_mapping(args);

	if (WARN_ONCE(ret > 0 || (!ret && !core->nr_matches),
		      "dma-buf exporter %s: match_mapping returned %d with%s a match\n",
		      args->dmabuf->exp_name, ret,
		      core->nr_matches ? "" : "out"))
		return -EINVAL;
	return ret;
}

/*
 * Nearly all importers have no list: they take a scatterlist and nothing else. With an
 * exporter that has a constant entry, that is one pair. The exporter's entry for address
 * spaces, if it has one, is left out.
 */
static __always_inline int exporter_match(const struct dma_buf_match_args *args,
					  bool plain)
{
	const struct dma_buf_ops *ops = args->dmabuf->ops;
	const struct dma_buf_mapping_match *entry = ops->single_exporter_match;
	const char *why;

	if (ops->match_mapping)
		return callback_match(args);
	if (!plain)
		return constant_match(args, entry, ops->domain_exporter_match);
	return try_pair(args, entry, args->imp_matches, &why);
}

/* The attachment has its set: the exporter may refuse it */
static int exporter_attach(struct dma_buf *dmabuf,
			   struct dma_buf_attachment *attach)
{
	int ret;

	ret = dmabuf->ops->attach(dmabuf, attach);
	if (WARN_ONCE(ret > 0, "dma-buf exporter %s: attach returned %d\n",
		      dmabuf->exp_name, ret))
		return -EINVAL;
	return ret;
}

static int check_importer(const struct dma_buf_match_args *args,
			  const struct dma_buf_attach_ops *importer_ops)
{
	size_t i;

	if (!args->imp_matches || !args->imp_len)
		return -EINVAL;
	for (i = 0; i < args->imp_len; i++)
		if (WARN_ON_ONCE(!args->imp_matches[i].type ||
				 args->imp_matches[i].flags) ||
		    !entry_fits_importer(&args->imp_matches[i], args->dev,
					 importer_ops))
			return -EINVAL;
	return 0;
}

/**
 * dma_buf_attachment_free - free an attachment that is off the buffer's list
 * @attach: the attachment
 *
 * Drops the references on the modules of the types in its set.
 */
void dma_buf_attachment_free(struct dma_buf_attachment *attach)
{
	struct dma_buf_core_attachment *core = to_core_attachment(attach);
	unsigned int i;

	for (i = 0; i < core->nr_matches; i++)
		if (core->matches[i].result.type->owner)
			module_put(core->matches[i].result.type->owner);
	if (core->matches != &core->first)
		kfree(core->matches);
	kfree(core);
}

/* The match of an attachment until the negotiation has found one */
static const struct dma_buf_mapping_match no_match;

/*
 * Exporters decide by any part of the attachment, so complete it before they see it.
 * match_pair() writes @first, before @nr_matches counts it.
 */
static __always_inline void
init_attachment(struct dma_buf_core_attachment *core, struct dma_buf *dmabuf,
		const struct dma_buf_attach_ops *importer_ops,
		void *importer_priv)
{
	struct dma_buf_attachment *attach = &core->base;

	/* Seven words: a memset() costs more than what it would save here */
	static_assert(sizeof(*attach) == 7 * sizeof(void *));
	attach->dmabuf = dmabuf;
	attach->node.next = NULL;
	attach->node.prev = NULL;
	attach->map_type = &no_match;
	attach->importer_ops = importer_ops;
	attach->importer_priv = importer_priv;
	attach->priv = NULL;
	core->matches = &core->first;
	core->nr_matches = 0;
	core->users = 0;
	core->chosen = false;
	core->stale = false;
	core->domain_map = NULL;
}

static __always_inline struct dma_buf_attachment *
attach_importer(struct dma_buf_match_args *args, bool plain,
		const struct dma_buf_attach_ops *importer_ops,
		void *importer_priv)
{
	struct dma_buf *dmabuf = args->dmabuf;
	struct dma_buf_core_attachment *core;
	struct dma_buf_attachment *attach;
	int ret;

	might_sleep();

	if (WARN_ON(!dmabuf))
		return ERR_PTR(-EINVAL);

	core = kmalloc_obj(*core, GFP_KERNEL_ACCOUNT);
	if (!core)
		return ERR_PTR(-ENOMEM);
	init_attachment(core, dmabuf, importer_ops, importer_priv);
	attach = &core->base;
	args->attach = attach;

	ret = exporter_match(args, plain);
	if (ret)
		goto err_free;
	attach->map_type = &core->matches->result;
	if (dmabuf->ops->attach)
		ret = exporter_attach(dmabuf, attach);
	if (ret)
		goto err_free;

	ret = dma_buf_core_lock(dmabuf);
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

/**
 * dma_buf_mapping_attach - attach with a list that was made at run time
 * @dmabuf: buffer to attach to; the caller holds a reference on it for as long
 *	as the attachment exists
 * @imp_matches: what the importer can take, most wanted first. Its SGT entries
 *	name their devices. May be on the stack; the core does not read it after
 *	the call.
 * @imp_len: number of entries in @imp_matches, at least one
 * @importer_ops: importer operations. May be NULL only if all entries are SGT that
 *	refuses peer-to-peer: the importer then does not follow moves of the
 *	buffer. With a DOMAIN entry they need invalidate_mappings.
 * @importer_priv: importer private pointer, in &dma_buf_attachment.importer_priv
 *
 * For importers that have several devices, or none. Others have a constant list
 * and call dma_buf_dynamic_attach().
 *
 * Finds everything that both sides support and makes an attachment of it, for the
 * accessors of the types. The exporter may call
 * &dma_buf_attach_ops.invalidate_mappings before this returns.
 *
 * Context: May sleep. The caller must not hold the reservation lock.
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
	struct dma_buf_match_args args = {
		.dmabuf = dmabuf,
		.imp_matches = imp_matches,
		.imp_len = imp_len,
	};
	int ret = check_importer(&args, importer_ops);

	if (ret)
		return ERR_PTR(ret);
	return attach_importer(&args, false, importer_ops, importer_priv);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_mapping_attach, "DMA_BUF");

/* The constant lists of importers without a list. They need no check. */
static const struct dma_buf_mapping_match any_sgt[] = {
	DMA_BUF_IMAPPING_SGT(NULL, DMA_SGT_NO_P2P),
	DMA_BUF_IMAPPING_SGT(NULL, DMA_SGT_IMPORTER_ACCEPTS_P2P),
};

/**
 * dma_buf_dynamic_attach - attach a device that follows the buffer's moves
 * @dmabuf: buffer to attach to
 * @dev: device that does the DMA; stays valid for the life of the attachment
 * @importer_ops: importer operations; NULL makes a static attachment
 * @importer_priv: importer private pointer
 *
 * The list of what the importer can take is
 * &dma_buf_attach_ops.supported_mapping_types. Without a list the importer takes a
 * scatterlist, peer-to-peer if &dma_buf_attach_ops.allow_peer2peer is set.
 *
 * Context: May sleep. The caller must not hold the reservation lock.
 *
 * Return: As dma_buf_mapping_attach(). -EBUSY means that the buffer is in a place
 * that @dev cannot reach, and cannot be moved.
 */
struct dma_buf_attachment *
dma_buf_dynamic_attach(struct dma_buf *dmabuf, struct device *dev,
		       const struct dma_buf_attach_ops *importer_ops,
		       void *importer_priv)
{
	struct dma_buf_match_args args = {
		.dmabuf = dmabuf,
		.dev = dev,
		.imp_matches = any_sgt,
		.imp_len = 1,
	};
	bool plain = true;
	int ret;

	if (WARN_ON(!dev))
		return ERR_PTR(-EINVAL);

	if (importer_ops && importer_ops->nr_supported_mapping_types) {
		args.imp_matches = importer_ops->supported_mapping_types;
		args.imp_len = importer_ops->nr_supported_mapping_types;
		plain = false;
		ret = check_importer(&args, importer_ops);
		if (ret)
			return ERR_PTR(ret);
	} else if (importer_ops && importer_ops->allow_peer2peer) {
		args.imp_matches++;
	}
	return attach_importer(&args, plain, importer_ops, importer_priv);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_dynamic_attach, "DMA_BUF");

/**
 * dma_buf_attach - attach a device that needs the buffer to stay in place
 * @dmabuf: buffer to attach to
 * @dev: device that does the DMA; stays valid for the life of the attachment
 *
 * dma_buf_dynamic_attach() without importer operations: the buffer is pinned
 * while it is mapped, if the exporter can pin at all.
 *
 * Context: May sleep. The caller must not hold the reservation lock.
 *
 * Return: As dma_buf_mapping_attach().
 */
struct dma_buf_attachment *dma_buf_attach(struct dma_buf *dmabuf,
					  struct device *dev)
{
	return dma_buf_dynamic_attach(dmabuf, dev, NULL, NULL);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_attach, "DMA_BUF");

/**
 * dma_buf_attach_accepts - could the attachment be served in this way?
 * @attach: the attachment
 * @type: the mapping type
 *
 * For exporters that decide where to put a buffer. The answer is the same for the
 * life of the attachment, independent of the selected match.
 *
 * Return: True if its set has a match of the type.
 */
bool dma_buf_attach_accepts(const struct dma_buf_attachment *attach,
			    const struct dma_buf_mapping_type *type)
{
	const struct dma_buf_core_attachment *core = to_core_attachment(attach);
	unsigned int i;

	for (i = 0; i < core->nr_matches; i++)
		if (core->matches[i].result.type == type)
			return true;
	return false;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_attach_accepts, "DMA_BUF");

/**
 * dma_buf_attach_accepts_sgt_p2p - could the attachment do peer-to-peer?
 * @attach: the attachment
 *
 * As dma_buf_attach_accepts(), for scatterlists that lie in the exporter's
 * device.
 *
 * Return: True if its set has a match of that kind.
 */
bool dma_buf_attach_accepts_sgt_p2p(const struct dma_buf_attachment *attach)
{
	const struct dma_buf_core_attachment *core = to_core_attachment(attach);

	return dma_buf_find_sgt(core->matches, core->nr_matches, true) >= 0;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_attach_accepts_sgt_p2p, "DMA_BUF");

/*
 * The attachment is about to be mapped or pinned, and the exporter can select but has
 * not done so yet. Returns 1, or the error of the exporter if it refuses to choose.
 */
int dma_buf_choose(struct dma_buf_core_attachment *core)
{
	struct dma_buf *dmabuf = core->base.dmabuf;
	int i;

	dma_resv_assert_held(dmabuf->resv);

	i = dmabuf->ops->select_mapping(&core->base, core->matches,
					core->nr_matches);
	if (WARN_ONCE(i >= (int)core->nr_matches,
		      "dma-buf exporter %s: select_mapping returned %d of %u\n",
		      dmabuf->exp_name, i, core->nr_matches))
		i = -EINVAL;
	trace_dma_buf_mapping_select(dmabuf, core->matches, core->nr_matches, i);
	if (i < 0)
		return i;
	WRITE_ONCE(core->base.map_type, &core->matches[i].result);
	core->chosen = true;
	core->users++;
	return 1;
}

/**
 * dma_buf_mapping_select - let the exporter choose among what fits
 * @attach: the attachment
 *
 * For the map functions of private types. From now on dma_buf_attach_map_type()
 * returns the same match until dma_buf_mapping_unselect(). The calls of SGT and
 * DOMAIN and dma_buf_pin() do this themselves.
 *
 * Context: The caller holds the reservation lock of the buffer. May sleep.
 *
 * Return: 0, or the error of &dma_buf_ops.select_mapping, after which nothing is
 * chosen.
 */
int dma_buf_mapping_select(struct dma_buf_attachment *attach)
{
	int ret;

	dma_resv_assert_held(attach->dmabuf->resv);

	ret = dma_buf_use_begin(to_core_attachment(attach));
	return min(ret, 0);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_mapping_select, "DMA_BUF");

/**
 * dma_buf_mapping_unselect - record that a mapping was undone
 * @attach: the attachment
 *
 * Undoes one dma_buf_mapping_select(). The choice stays if the attachment was
 * not invalidated since.
 *
 * Context: The caller holds the reservation lock of the buffer.
 */
void dma_buf_mapping_unselect(struct dma_buf_attachment *attach)
{
	struct dma_buf_core_attachment *core = to_core_attachment(attach);

	dma_resv_assert_held(attach->dmabuf->resv);

	if (!WARN_ON_ONCE(!core->users))
		dma_buf_use_end(core);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_mapping_unselect, "DMA_BUF");

/**
 * dma_buf_mapping_renew - let the exporter choose again
 * @attach: the attachment
 *
 * For an importer that could not map the chosen match, or cannot use it any longer
 * for reasons of its own. It has to undo what is mapped or pinned under the old
 * choice first, as after dma_buf_invalidate_mappings().
 *
 * Context: The caller holds the reservation lock of the buffer.
 */
void dma_buf_mapping_renew(struct dma_buf_attachment *attach)
{
	dma_resv_assert_held(attach->dmabuf->resv);

	dma_buf_attachment_invalidate(attach);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_mapping_renew, "DMA_BUF");

/* The part of dma_buf_pin() after the checks of its argument and of the lock */
int dma_buf_attachment_pin(struct dma_buf_attachment *attach)
{
	struct dma_buf_core_attachment *core = to_core_attachment(attach);
	const struct dma_buf_ops *ops = attach->dmabuf->ops;
	int made, ret;

	made = dma_buf_use_begin(core);
	if (made < 0)
		return made;
	ret = ops->pin ? ops->pin(attach) : 0;
	if (ret)
		dma_buf_use_undo(core, made);
	return ret;
}

/* The same part of dma_buf_unpin() */
void dma_buf_attachment_unpin(struct dma_buf_attachment *attach)
{
	if (attach->dmabuf->ops->unpin)
		attach->dmabuf->ops->unpin(attach);
	dma_buf_mapping_unselect(attach);
}

/* The core is about to invalidate the importer: allow another choice */
void dma_buf_attachment_invalidate(struct dma_buf_attachment *attach)
{
	struct dma_buf_core_attachment *core = to_core_attachment(attach);

	if (core->users)
		core->stale = true;
	else
		dma_buf_unchoose(core);
}
