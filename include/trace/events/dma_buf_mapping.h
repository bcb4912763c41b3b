/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM dma_buf
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE dma_buf_mapping

#if !defined(_TRACE_DMA_BUF_MAPPING_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_DMA_BUF_MAPPING_H

#include <linux/dma-buf.h>
#include <linux/tracepoint.h>

#define DMA_BUF_ENTRY_LEN 48

/* One pair of entries that the negotiation looked at, and what came of it */
TRACE_EVENT(dma_buf_mapping_match,
	    TP_PROTO(struct dma_buf *dmabuf,
		     const struct dma_buf_converter *conv,
		     const struct dma_buf_mapping_match *exp,
		     const struct dma_buf_mapping_match *imp, int result),

	    TP_ARGS(dmabuf, conv, exp, imp, result),

	    TP_STRUCT__entry(__string(exp_name, dmabuf->exp_name)
			     __field(ino_t, ino)
			     __array(char, exporter, DMA_BUF_ENTRY_LEN)
			     __array(char, importer, DMA_BUF_ENTRY_LEN)
			     __field(int, result)
			     __string(reason, dma_buf_match_reason(conv, exp,
								   imp, result))
	    ),

	    TP_fast_assign(__assign_str(exp_name);
			   __entry->ino = dmabuf->file->f_inode->i_ino;
			   dma_buf_match_describe(__entry->exporter,
						  DMA_BUF_ENTRY_LEN, exp);
			   dma_buf_match_describe(__entry->importer,
						  DMA_BUF_ENTRY_LEN, imp);
			   __entry->result = result;
			   __assign_str(reason);
	    ),

	    TP_printk("exp_name=%s ino=%lu exporter=\"%s\" importer=\"%s\" result=%d reason=\"%s\"",
		      __get_str(exp_name), __entry->ino, __entry->exporter,
		      __entry->importer, __entry->result, __get_str(reason))
);

#endif /* _TRACE_DMA_BUF_MAPPING_H */

/* This part must be outside protection */
#include <trace/define_trace.h>
