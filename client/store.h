/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A list of the API's objects as a GListModel, in the order of their ids. A newer answer is merged
 * into it: an object that was there before stays the same object, so that selection, focus and
 * scrolling survive. Main thread. */
#pragma once

#include <gio/gio.h>

#include "client/resource.h"

#define P2P_TYPE_STORE (p2p_store_get_type ())
G_DECLARE_FINAL_TYPE (P2pStore, p2p_store, P2P, STORE, GObject)

P2pStore *p2p_store_new (GType item_type);

/* fresh: P2pResource objects in any order, of which the store takes those whose id is new. An id
 * that comes twice counts once. Sorts fresh. Returns whether anything is another than before. */
bool p2p_store_merge (P2pStore *self, GPtrArray *fresh);

/* Borrowed; NULL when there is none. */
P2pResource *p2p_store_find (P2pStore *self, int64_t id);
