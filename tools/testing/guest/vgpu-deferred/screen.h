/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_SCREEN_H
#define GUEST_SCREEN_H

#include <stdbool.h>

#include <linux/types.h>

/* A screen that shows a dumb buffer, which has no other user. */
struct screen {
	u32 crtc;
};

/* Turn on the first screen of a card: false if it has none. */
bool screen_on(int card, struct screen *screen);

/* Give up a dumb buffer; a screen that shows it keeps it. */
bool screen_forget(int card, u32 handle);

#endif
