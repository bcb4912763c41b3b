/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_BENCH_BLOBS_H
#define GUEST_BENCH_BLOBS_H

/* What host blobs cost, on the machine of tools/vgpu/devices-blobs: lines as of /bench. */
void bench_blobs(void);

#endif
