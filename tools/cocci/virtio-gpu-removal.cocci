// SPDX-License-Identifier: GPL-2.0-only
/// Subject: drm/virtio: do not stand in the way of the device's removal
///
/// A command that waits for room in the control queue does so in a section
/// that removal waits for (7.2), or watches a flag for it (7.3). It waits
/// outside of the section now, and one that maps a blob can be killed. All
/// of these waits end when a removal or a shutdown begins: who waits may
/// hold modeset locks, or be a work item that is flushed.
///
/// Objects outlive the removal, and take obj_restore_lock (7.3) when they are
/// freed: destroy it with the DRM device.
///
/// A semantic patch, because the functions differ from series to series.
// Directories: drivers/gpu/drm/virtio
// Files: virtio_gpu_queue_ctrl_sgs|obj_restore_lock|drm_dev_unplug

@@
expression condition;
@@
-wait_event(vgdev->ctrlq.ack_queue, condition);
+ret = virtio_gpu_wait_for_room(vgdev, vbuf, elemcnt, &idx);
+if (ret) {
+	if (fence && vbuf->objs)
+		virtio_gpu_array_unlock_resv(vbuf->objs);
+	free_vbuf(vgdev, vbuf);
+	return ret;
+}

@early@
@@
 virtio_gpu_deinit(...)
 {
 ...
-mutex_destroy(&vgdev->obj_restore_lock);
 }

@depends on early@
@@
 virtio_gpu_release(...)
 {
 ...
 virtio_gpu_cleanup_cap_cache(vgdev);
+mutex_destroy(&vgdev->obj_restore_lock);
 ...
 }

@@
identifier f =~ "^virtio_gpu_(remove|shutdown)$";
@@
 f(...)
 {
 ...
+virtio_gpu_begin_removal(dev->dev_private);
 drm_dev_unplug(dev);
 ...
 }
