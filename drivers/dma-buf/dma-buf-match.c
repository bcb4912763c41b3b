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
 * A buffer can be handed over in more than one form: as a scatterlist of DMA
 * addresses made for one device (SGT), as mappings in IOMMU domains (DOMAIN), or
 * in a form that two drivers keep to themselves. Such a form is a &struct
 * dma_buf_mapping_type. Each has map and unmap calls of its own. Exporters can
 * offer physical ranges (PAL), of which the core makes SGT and DOMAIN.
 *
 * What fits is found out once, when an importer attaches. Which of it is used,
 * the exporter decides when the buffer is first mapped or pinned:
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
 * 3. The core remembers all pairs of entries that fit, up to
 *    %DMA_BUF_MAX_MATCHES: the set of the attachment. The exporter's order
 *    decides, the importer's breaks ties. A pair of different types fits if the
 *    core can make the one of the other. The set never changes, whoever attaches
 *    later.
 * 4. The first pair is the default. When the buffer is first mapped or pinned,
 *    the exporter may select another one in &dma_buf_ops.select_mapping: with
 *    the reservation lock held it knows where the buffer is, if its device
 *    sleeps, and who else has attached. The choice holds, over unmap and map,
 *    unpin and pin, until dma_buf_invalidate_mappings() and the end of what was
 *    mapped before. If selecting fails, nothing was mapped and nothing chosen.
 *
 * No common type is -EOPNOTSUPP to the importer, whoever asked.
 *
 * An importer that asks for more than plain SGT must be dynamic: revocation is
 * part of the contract of every type. After a revoke, map calls fail with
 * -ENODEV.
 *
 * debugfs (dma_buf/bufinfo) and the fdinfo of the buffer name the type of every
 * attachment. The tracepoint dma_buf:dma_buf_mapping_match shows every pair of
 * entries that was tried and why it did or did not match,
 * dma_buf:dma_buf_mapping_select what an exporter selected.
 */

/*
 * A type without an owner says that its code is built in. The address of one
 * that is in a module tells.
 */
bool dma_buf_type_in_module(const struct dma_buf_mapping_type *type)
{
	KUNIT_STATIC_STUB_REDIRECT(dma_buf_type_in_module, type);
	return is_module_address((unsigned long)type);
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_type_in_module);

/*
 * The module that a type lives in stays for as long as an attachment can speak
 * it. The exporter's module is held by the buffer, the importer's is running,
 * but the type may be of a third.
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

/* Does the exporter take such an importer at all, whatever the type says? */
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
 * Ask the type, or the converter between two types, if the entries fit. A
 * positive answer is a bug in the type that must not be taken for a match.
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
	/* It may fill in the data but not change the type */
	if (WARN_ON_ONCE(result->type != type))
		result->type = type;
	return ret;
}

/* A set of more than one has memory of its own. The exporter may hold the lock. */
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

/* Where the next match is put, or NULL. There is room in the set. */
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
 * Write all members: the slot is not initialized, or has what is left of a pair that
 * did not fit.
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
	match->provider = NULL;
	match->kinds = 0;
	match->flags = exp->flags;
	/* No importer lists PAL: it is converted */
	if (conv && exp->type == &dma_buf_mapping_pal_type) {
		match->provider = exp->pal_data.provider;
		match->kinds = exp->pal_data.kinds;
	}
}

/* This reason ends the negotiation, all others are about one pair */
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
 * Show a pair to those who trace. Tracepoints are atomic and types may sleep, so
 * put it into words before.
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

/* One pair, shown to those who trace */
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
 * that ends the negotiation. What was wrong with a pair, if it says more than
 * that it does not fit, is put into @error, unless something is there already.
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

/* What types may rely on when they are asked about an exporter's entry */
static bool entry_valid(const struct dma_buf_mapping_match *entry)
{
	return entry->type && entry->exp_ops &&
	       !(entry->flags & ~DMA_BUF_OFFER_FLAGS);
}

/**
 * dma_buf_ops_valid - does an exporter say in exactly one way what it offers?
 * @ops: the exporter's operations
 *
 * There are two ways: a match_mapping callback or a single_exporter_match
 * entry.
 *
 * Return: True if it is exactly one of them, constant entries are well-formed,
 * and there is no second one without a first.
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
 * buffer again: they are dynamic. With some types they have to do so on demand.
 */
static bool entry_fits_importer(const struct dma_buf_mapping_match *imp,
				struct device *dev,
				const struct dma_buf_attach_ops *importer_ops)
{
	/* The core's own, see dma-buf-pal.c */
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
 * dma_buf_match_mapping - find what fits of two lists
 * @args: the negotiation, as &dma_buf_ops.match_mapping got it
 * @exp_matches: what the exporter offers, best first. May be on the stack.
 * @exp_len: number of entries in @exp_matches, at least one
 *
 * For exporters, to be called from &dma_buf_ops.match_mapping, and not again
 * after it has succeeded. Remembers every pair that fits, in the exporter's
 * order and, for one entry of the exporter, in the importer's. After
 * %DMA_BUF_MAX_MATCHES pairs the rest is left out, which the trace tells.
 *
 * Context: May sleep. Takes no lock. The exporter may hold the reservation lock
 * of the buffer around the call, if what it offers changes under that lock.
 *
 * Return: 0; -EOPNOTSUPP if no pair fits; -EINVAL for an empty or malformed
 * list; if no pair fits and a type returned another error for one, the first
 * of those.
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
	/* A set that is not complete is none */
	if (ret)
		return ret;
	return core->nr_matches ? 0 : error;
}

/*
 * Let the exporter answer. Its callback is not trusted to get the result
 * right: a match without a type would be found much later, in a map call.
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
 * Nearly all importers have no list: they take a scatterlist and nothing else, of
 * exporters that have a constant entry. That is one pair, and no address space is
 * asked about.
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

/* What was found is in the attachment: the exporter may refuse it */
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
 * dma_buf_attachment_free - free an attachment that is on no list any more
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

/* What an attachment is served by until it is known */
static const struct dma_buf_mapping_match no_match;

/*
 * Exporters decide on all of the attachment, so complete it before they see it.
 * match_pair() writes @first, before @nr_matches counts it.
 */
static __always_inline void
init_attachment(struct dma_buf_core_attachment *core, struct dma_buf *dmabuf,
		const struct dma_buf_attach_ops *importer_ops,
		void *importer_priv)
{
	core->base = (struct dma_buf_attachment){
		.dmabuf = dmabuf,
		.map_type = &no_match,
		.importer_ops = importer_ops,
		.importer_priv = importer_priv,
	};
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
 *	name their devices. May be on the stack, is not looked at after the call.
 * @imp_len: number of entries in @imp_matches, at least one
 * @importer_ops: importer operations. May be NULL, for an importer that does
 *	not follow moves of the buffer, only if all entries are SGT that refuses
 *	peer-to-peer. With a DOMAIN entry it has to be able to revoke.
 * @importer_priv: importer private pointer, in &dma_buf_attachment.importer_priv
 *
 * For importers that have several devices, or none. Others have a constant list
 * and call dma_buf_dynamic_attach().
 *
 * Finds all that both sides can speak and makes an attachment of it, for the
 * accessors of the types. &dma_buf_attach_ops.invalidate_mappings may be called
 * before this returns.
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

/* The lists of importers that have none, nothing of which has to be checked */
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
 * What the importer can take is in &dma_buf_attach_ops.supported_mapping_types.
 * Without that it is a scatterlist, peer-to-peer or not as
 * &dma_buf_attach_ops.allow_peer2peer says.
 *
 * Context: May sleep. Must not be called with the reservation lock held.
 *
 * Return: As dma_buf_mapping_attach(). -EBUSY says that the buffer is somewhere
 * where @dev cannot reach it and cannot be moved.
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
 * Context: May sleep. Must not be called with the reservation lock held.
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
 * For exporters that decide where to put a buffer. The answer is the same for
 * the life of the attachment, whatever is selected.
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
 * The attachment is about to be mapped or pinned, the exporter can select and has not
 * yet. Returns 1, or the error of the exporter, who has refused to choose.
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
 * For the map functions of private types. What is returned by
 * dma_buf_attach_map_type() from now on does not change until
 * dma_buf_mapping_unselect(). SGT, DOMAIN and dma_buf_pin() do this themselves.
 *
 * Context: The reservation lock of the buffer is held. May sleep.
 *
 * Return: 0, or the error of &dma_buf_ops.select_mapping: nothing was chosen.
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
 * dma_buf_mapping_unselect - what was mapped is unmapped
 * @attach: the attachment
 *
 * Undoes one dma_buf_mapping_select(). The choice stays if the attachment was
 * not invalidated since.
 *
 * Context: The reservation lock of the buffer is held.
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
 * For an importer that could not map what was chosen, or cannot use it any more
 * for reasons of its own. What is mapped or pinned under the old choice has to be
 * undone first, as after dma_buf_invalidate_mappings().
 *
 * Context: The reservation lock of the buffer is held.
 */
void dma_buf_mapping_renew(struct dma_buf_attachment *attach)
{
	dma_resv_assert_held(attach->dmabuf->resv);

	dma_buf_attachment_invalidate(attach);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_mapping_renew, "DMA_BUF");

/* dma_buf_pin(), after it has checked its argument and the lock */
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

/* dma_buf_unpin(), likewise */
void dma_buf_attachment_unpin(struct dma_buf_attachment *attach)
{
	if (attach->dmabuf->ops->unpin)
		attach->dmabuf->ops->unpin(attach);
	dma_buf_mapping_unselect(attach);
}

/* The importer is about to be told: another choice can be made */
void dma_buf_attachment_invalidate(struct dma_buf_attachment *attach)
{
	struct dma_buf_core_attachment *core = to_core_attachment(attach);

	if (core->users)
		core->stale = true;
	else
		dma_buf_unchoose(core);
}
