/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The list of one kind, with search, and what is shown instead while there is none. Main thread. */
#pragma once

#include <adwaita.h>

#include "gui/model/server.h"
#include "gui/resource-kind.h"

#define P2P_TYPE_RESOURCE_PAGE (p2p_resource_page_get_type ())
G_DECLARE_FINAL_TYPE (P2pResourcePage, p2p_resource_page, P2P, RESOURCE_PAGE, AdwBin)

P2pResourcePage *p2p_resource_page_new (P2pKindId kind, P2pServer *server);

/* The entry that also takes what is typed while the list has the focus. */
void p2p_resource_page_search (P2pResourcePage *self);
void p2p_resource_page_bind_search (P2pResourcePage *self, GtkToggleButton *button);
