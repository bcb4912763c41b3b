/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_PCI_LOCKDEP_H
#define VFIO_PCI_LOCKDEP_H

#ifdef CONFIG_LOCKDEP
void vfio_pci_lockdep(void);
#else
static inline void vfio_pci_lockdep(void)
{
}
#endif

#endif /* VFIO_PCI_LOCKDEP_H */
