/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_PCI_H
#define GUEST_PCI_H

#include <stdbool.h>
#include <linux/types.h>

/* A kind of PCI device, and a way to reset it. */
struct pci_kind {
	const char *name;
	u16 vendor;
	u16 device;
	const char *reset;	/* one word of reset_method, or NULL for any */
};

extern const struct pci_kind pci_edu;		/* a DMA engine */
extern const struct pci_kind pci_ivshmem;	/* BAR 2 is memory */
extern const struct pci_kind pci_ivshmem_bus;	/* the same, reset by its bus */
extern const struct pci_kind pci_bochs;		/* BAR 0 is memory, BAR 2 registers */
extern const struct pci_kind pci_rng_ats;	/* FLR, and ATS while it is in an IOAS */
extern const struct pci_kind pci_igb_vf;	/* BAR 0 has 64 bytes of memory */
extern const struct pci_kind pci_nvme_flr;	/* BAR 2 is memory; FLR and D3hot */

/* The address of the nth device of this kind, bound to vfio-pci; or NULL. */
const char *pci_find(const struct pci_kind *kind, int nth);

/* Is the device using ATS now? */
bool pci_ats_on(const char *bdf);

/* The CPU's address of a BAR, and its length. */
u64 pci_bar_phys(const char *bdf, int bar);
u64 pci_bar_size(const char *bdf, int bar);

/* An IOVA that the machine reserves for the device's MSIs. */
u64 pci_msi_iova(const char *bdf);

#endif
