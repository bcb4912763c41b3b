// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module that is on no list and has no code, only references.
 */
#include <linux/module.h>

#include "fake-module.h"

struct module fake_module = {
	.state = MODULE_STATE_LIVE,
	.name = "fake",
	.refcnt = ATOMIC_INIT(1),
};

/**
 * fake_module_refs - count the references on the module
 *
 * Return: The number.
 */
int fake_module_refs(void)
{
	return module_refcount(&fake_module);
}

/**
 * fake_module_unload - begin to unload the module, or end that
 * @going: true to begin
 */
void fake_module_unload(bool going)
{
	fake_module.state = going ? MODULE_STATE_GOING : MODULE_STATE_LIVE;
}
