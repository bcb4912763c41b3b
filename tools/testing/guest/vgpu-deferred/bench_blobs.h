/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_BENCH_BLOBS_H
#define GUEST_BENCH_BLOBS_H

/* The cost of host blobs on tools/vgpu/devices-blobs: lines as of /bench. */
void bench_blobs(void);

#endif
