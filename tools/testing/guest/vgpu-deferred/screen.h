/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_SCREEN_H
#define GUEST_SCREEN_H

#include <stdbool.h>

#include <linux/types.h>

/* A screen that shows a dumb buffer, which nothing else has. */
struct screen {
	u32 crtc;
};

/* Turn on the first screen of a card: false if it has none. */
bool screen_on(int card, struct screen *screen);

/* Give a dumb buffer up; what shows it has it still. */
bool screen_forget(int card, u32 handle);

#endif
