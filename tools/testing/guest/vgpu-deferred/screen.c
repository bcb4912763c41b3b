// SPDX-License-Identifier: GPL-2.0
#include <stdint.h>
#include <sys/ioctl.h>

#include <drm/drm.h>
#include <drm/drm_fourcc.h>
#include <drm/drm_mode.h>

#include <libvfio.h>

#include "screen.h"

bool screen_on(int card, struct screen *screen)
{
	u32 crtcs[8], connectors[8];
	struct drm_mode_card_res res = {
		.crtc_id_ptr = (uintptr_t)crtcs,
		.connector_id_ptr = (uintptr_t)connectors,
		.count_crtcs = 8,
		.count_connectors = 8,
	};
	static struct drm_mode_modeinfo modes[64];
	struct drm_mode_get_connector get = {};
	struct drm_mode_create_dumb dumb = { .bpp = 32 };
	struct drm_mode_fb_cmd2 fb = { .pixel_format = DRM_FORMAT_XRGB8888 };
	struct drm_mode_closefb close = {};
	struct drm_mode_crtc crtc = { .count_connectors = 1, .mode_valid = 1 };

	if (ioctl(card, DRM_IOCTL_MODE_GETRESOURCES, &res) || !res.count_connectors ||
	    !res.count_crtcs)
		return false;
	/* Without room for modes this queries the device for its modes. */
	get.connector_id = connectors[0];
	if (ioctl(card, DRM_IOCTL_MODE_GETCONNECTOR, &get))
		return false;
	get = (struct drm_mode_get_connector){
		.connector_id = connectors[0],
		.modes_ptr = (uintptr_t)modes,
		.count_modes = 64,
	};
	if (ioctl(card, DRM_IOCTL_MODE_GETCONNECTOR, &get) || !get.count_modes)
		return false;
	dumb.width = modes[0].hdisplay;
	dumb.height = modes[0].vdisplay;
	if (ioctl(card, DRM_IOCTL_MODE_CREATE_DUMB, &dumb))
		return false;
	fb.width = dumb.width;
	fb.height = dumb.height;
	fb.handles[0] = dumb.handle;
	fb.pitches[0] = dumb.pitch;
	if (ioctl(card, DRM_IOCTL_MODE_ADDFB2, &fb))
		return false;
	close.fb_id = fb.fb_id;
	crtc.crtc_id = crtcs[0];
	crtc.fb_id = fb.fb_id;
	crtc.set_connectors_ptr = (uintptr_t)connectors;
	crtc.mode = modes[0];
	screen->crtc = crtcs[0];
	return !ioctl(card, DRM_IOCTL_MODE_SETCRTC, &crtc) &&
	       !ioctl(card, DRM_IOCTL_MODE_CLOSEFB, &close) &&
	       screen_forget(card, dumb.handle);
}

bool screen_forget(int card, u32 handle)
{
	struct drm_mode_destroy_dumb destroy = { .handle = handle };

	return !ioctl(card, DRM_IOCTL_MODE_DESTROY_DUMB, &destroy);
}
