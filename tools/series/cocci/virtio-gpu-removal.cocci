// SPDX-License-Identifier: GPL-2.0-only
/// Subject: drm/virtio: do not stand in the way of the device's removal
///
/// A task that waits for room in a queue does so in a section of
/// drm_dev_enter(), which a removal waits for (7.2), or watches a flag for it
/// (7.3). The removal waits for fences with modeset locks held, and the driver
/// signals them only after that. If the ring refuses a command, or a host has
/// broken a ring, the tasks that wait for commands wait without end.
///
/// mmap() of a host blob waits for the host with mmap_lock held, and puts page
/// table entries where a removal that came in between does not find them.
/// virtgpu_fault.c does that now.
///
/// virtgpu_queue.c queues commands now, and virtgpu_gone.c stops the device
/// before anything else happens in removal, shutdown and suspend.
///
/// Before the guest sleeps, a silent host gets no commands to turn the screens
/// off: they would wait for room without end. A device that is stopped, for a
/// broken ring or because it could not be resumed, keeps no guest awake, and has
/// no queue to look at (7.3 looks at one).
///
/// Objects outlive the removal, and take obj_restore_lock (7.3) when they are
/// freed: destroy it with the DRM device.
///
/// A semantic patch, because the functions differ from series to series.
// Directories: drivers/gpu/drm/virtio
// Files: virtio_gpu_queue_ctrl_sgs|obj_restore_lock|drm_dev_unplug|free_vbuf|wait_queue|reclaim_vbufs|vqs_released|detach_object_fenced|virtio_gpu_vram_mmap

@@
identifier fn =~ "^virtio_gpu_(queue_ctrl_sgs|queue_cursor|notify|vram_mmap|detach_object_fenced|reclaim_vbufs|release_vqs|wait_queue)$";
parameter list params;
type T;
@@
-T fn(params) { ... }

@@
identifier ops = virtio_gpu_vram_vm_ops;
@@
-const struct vm_operations_struct ops = { ... };

@@
identifier fn =~ "^virtio_gpu_(detach_object_fenced|reclaim_vbufs|wait_queue)$";
parameter list params;
type T;
@@
-T fn(params);

@@
identifier fn =~ "^virtio_gpu_(release_vqs|reclaim_vbufs)$";
expression list args;
@@
-fn(args);

@@
@@
 struct virtio_gpu_device {
 ...
-bool vqs_released;
 ...
 };

@@
@@
-static void free_vbuf
+void virtio_gpu_free_vbuf
 (...) { ... }

@@
@@
-static void *virtio_gpu_alloc_cmd_cb
+void *virtio_gpu_alloc_cmd_cb
 (...) { ... }

@@
@@
-static int virtio_gpu_queue_ctrl_buffer
+int virtio_gpu_queue_ctrl_buffer
 (...) { ... }

@@
@@
-free_vbuf
+virtio_gpu_free_vbuf
 (...)

@@
identifier queue =~ "^(ctrlq|cursorq)$";
@@
 wake_up(&vgdev->queue.ack_queue);
+virtio_gpu_check_queues(vgdev);

@@
@@
 virtio_gpu_cmd_resource_assign_uuid(...)
 {
 ...
-virtio_gpu_queue_ctrl_buffer(vgdev, vbuf);
-return 0;
+return virtio_gpu_uuid_asked(vgdev, bo,
+			     virtio_gpu_queue_ctrl_buffer(vgdev, vbuf));
 }

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
identifier f =~ "^virtio_gpu_(init|deinit)$";
@@
 f(...)
 {
 <...
+virtio_gpu_stop(vgdev);
 virtio_reset_device(vgdev->vdev);
 ...>
 }

@@
identifier f =~ "^virtio_gpu_(remove|shutdown)$";
@@
 f(...)
 {
 ...
+virtio_gpu_stop(dev->dev_private);
 drm_dev_unplug(dev);
+virtio_gpu_gone(dev->dev_private);
 ...
 }

@@
@@
 virtgpu_freeze(...)
 {
 ...
+error = virtio_gpu_drain(vgdev);
+if (error)
+	return error;
 error = drm_mode_config_helper_suspend(dev);
 ...
+virtio_gpu_stop(vgdev);
+virtio_gpu_window_lost(vgdev);
 virtio_reset_device(vdev);
 ...
 }

@@
@@
 virtgpu_freeze(...)
 {
 <...
-error = virtio_gpu_wait_queue(&vgdev->ctrlq, ...);
+error = virtio_gpu_drain(vgdev);
 ...>
 }

@@
@@
 virtgpu_freeze(...)
 {
 <...
-error = virtio_gpu_wait_queue(&vgdev->cursorq, ...);
-if (error) { ... }
 ...>
 }

@@
@@
 virtgpu_restore(...)
 {
 ...
 virtio_device_ready(vdev);
+virtio_gpu_started(vgdev);
 ...
 }
