// SPDX-License-Identifier: GPL-2.0-only
/// Subject: vfio/pci: stop the BARs of variant drivers for every reset
///
/// Drivers with error handlers of their own call those of the core as well:
/// before theirs when a reset begins, after theirs when it has ended.
///
/// A semantic patch, because every variant driver needs it, also those that
/// are not in the tree.
// Directories: drivers/vfio/pci

@prepared@
identifier handlers, prepare;
fresh identifier all = prepare ## "_all";
@@
+static void all(struct pci_dev *pdev)
+{
+	vfio_pci_core_reset_prepare(pdev);
+	prepare(pdev);
+}
+
 static const struct pci_error_handlers handlers = {
-	.reset_prepare = prepare,
+	.reset_prepare = all,
 	.error_detected = vfio_pci_core_aer_err_detected,
 };

@depends on !prepared@
identifier handlers, done;
@@
 static const struct pci_error_handlers handlers = {
+	.reset_prepare = vfio_pci_core_reset_prepare,
 	.reset_done = done,
 	.error_detected = vfio_pci_core_aer_err_detected,
 };

@@
identifier handlers, done;
fresh identifier all = done ## "_all";
@@
+static void all(struct pci_dev *pdev)
+{
+	done(pdev);
+	vfio_pci_core_reset_done(pdev);
+}
+
 static const struct pci_error_handlers handlers = {
-	.reset_done = done,
+	.reset_done = all,
 	.error_detected = vfio_pci_core_aer_err_detected,
+	.resume = vfio_pci_core_resume,
 };
