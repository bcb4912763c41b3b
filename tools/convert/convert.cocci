// SPDX-License-Identifier: GPL-2.0-only
//
// Where a driver outside of the kernel tree uses dma-buf as it was before mapping types.
// Nothing is changed here: a line is printed for each place, with a tab between the kind
// and the positions, and convert changes what it can without harm.
//
//	name	what is called or named
//	device	the attachment, and the member behind it
//	ops	the type, and both members with their values

@initialize:python@
@@
def say(kind, *places):
    words = [kind]
    for place in places:
        if isinstance(place, str):
            words.append(place)
        else:
            words.append(":".join([place[0].file, place[0].line, place[0].column,
                                   place[0].line_end, place[0].column_end]))
    print("\t".join(words))

@old_name@
identifier f =~ "^dma_buf_(un)?map_attachment(_unlocked)?$";
position at;
@@
 f@at

@script:python@
at << old_name.at;
@@
say("name", at)

// Of a function's result there is no address, and nothing is assigned to it.
@written@
struct dma_buf_attachment *attach;
expression e;
assignment operator op;
position at;
@@
(
 attach->dev@at op e
|
 &attach->dev@at
|
 attach->dev@at++
|
 attach->dev@at--
|
 ++attach->dev@at
|
 --attach->dev@at
)

@device@
struct dma_buf_attachment *attach;
position base, at != written.at;
@@
 attach@base->dev@at

@script:python@
base << device.base;
at << device.at;
@@
say("device", base, at)

// DMA_BUF_SIMPLE_SGT_EXP_MATCH() is made of compound literals: in a function they
// are gone when it returns, and a static initialiser cannot point to them. What
// has a statement behind it is in a function.
@in_function exists@
type T;
identifier table;
position at;
statement S;
@@
 T table@at = { ... };
 ... when any
 S

@ops@
type T;
identifier table;
expression map, unmap;
position at != in_function.at, m, map_at, u, unmap_at;
@@
 T table@at = {
	...,
	.map_dma_buf@m = map@map_at,
	...,
	.unmap_dma_buf@u = unmap@unmap_at,
	...,
 };

@script:python@
T << ops.T;
m << ops.m;
map_at << ops.map_at;
u << ops.u;
unmap_at << ops.unmap_at;
@@
say("ops", T, m, map_at, u, unmap_at)

@nested@
type T;
identifier outer;
expression map, unmap;
position at != in_function.at, m, map_at, u, unmap_at;
@@
 T outer@at = {
	...,
	.ops = {
		...,
		.map_dma_buf@m = map@map_at,
		...,
		.unmap_dma_buf@u = unmap@unmap_at,
		...,
	},
	...,
 };

@script:python@
m << nested.m;
map_at << nested.map_at;
u << nested.u;
unmap_at << nested.unmap_at;
@@
say("ops", "struct dma_buf_ops", m, map_at, u, unmap_at)
