/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM dma_buf
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE dma_buf_mapping

#if !defined(_TRACE_DMA_BUF_MAPPING_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_DMA_BUF_MAPPING_H

#include <linux/dma-buf.h>
#include <linux/tracepoint.h>

/* One pair of entries that the negotiation has tried, and its result */
TRACE_EVENT(dma_buf_mapping_match,
	    TP_PROTO(struct dma_buf *dmabuf, const char *exporter,
		     const char *importer, int result, const char *reason),

	    TP_ARGS(dmabuf, exporter, importer, result, reason),

	    TP_STRUCT__entry(__string(exp_name, dmabuf->exp_name)
			     __field(ino_t, ino)
			     __string(exporter, exporter)
			     __string(importer, importer)
			     __field(int, result)
			     __string(reason, reason)
	    ),

	    TP_fast_assign(__assign_str(exp_name);
			   __entry->ino = dmabuf->file->f_inode->i_ino;
			   __assign_str(exporter);
			   __assign_str(importer);
			   __entry->result = result;
			   __assign_str(reason);
	    ),

	    TP_printk("exp_name=%s ino=%lu exporter=\"%s\" importer=\"%s\" result=%d reason=\"%s\"",
		      __get_str(exp_name), __entry->ino, __get_str(exporter),
		      __get_str(importer), __entry->result, __get_str(reason))
);

/* The match that the exporter selected of an attachment's set, or its error */
TRACE_EVENT(dma_buf_mapping_select,
	    TP_PROTO(struct dma_buf *dmabuf,
		     const struct dma_buf_match *matches,
		     unsigned int nr_matches, int selected),

	    TP_ARGS(dmabuf, matches, nr_matches, selected),

	    TP_STRUCT__entry(__string(exp_name, dmabuf->exp_name)
			     __field(ino_t, ino)
			     __string(type, selected < 0 ? "none" :
				      matches[selected].result.type->name)
			     __field(bool, p2p)
			     __field(int, selected)
			     __field(unsigned int, nr_matches)
	    ),

	    TP_fast_assign(__assign_str(exp_name);
			   __entry->ino = dmabuf->file->f_inode->i_ino;
			   __assign_str(type);
			   __entry->p2p = selected >= 0 &&
				dma_buf_match_is_sgt_p2p(&matches[selected].result);
			   __entry->selected = selected;
			   __entry->nr_matches = nr_matches;
	    ),

	    TP_printk("exp_name=%s ino=%lu selected=%d of=%u type=%s%s",
		      __get_str(exp_name), __entry->ino, __entry->selected,
		      __entry->nr_matches, __get_str(type),
		      __entry->p2p ? " P2P" : "")
);

#endif /* _TRACE_DMA_BUF_MAPPING_H */

/* This part must be outside protection */
#include <trace/define_trace.h>
