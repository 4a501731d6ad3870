/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* One listener, route or agent in a list. The row has places; what stands in them is the business
 * of the kind (resource-kind.h), which fills them again whenever the object changes. Main thread.
 */
#pragma once

#include <adwaita.h>
#include <stdbool.h>

#include "client/resource.h"

#define P2P_TYPE_RESOURCE_ROW (p2p_resource_row_get_type ())
G_DECLARE_FINAL_TYPE (P2pResourceRow, p2p_resource_row, P2P, RESOURCE_ROW, AdwBin)

typedef void (*P2pResourceRowFill) (P2pResourceRow *self,
                                    P2pResource *resource,
                                    gpointer user_data);

P2pResourceRow *p2p_resource_row_new (P2pResourceRowFill fill, gpointer user_data);

/* resource NULL: shows none, listens to none. */
void p2p_resource_row_set_resource (P2pResourceRow *self, P2pResource *resource);

/* For kinds. Texts are shown as plain text; NULL or "" hides the place. */
void p2p_resource_row_set_title (P2pResourceRow *self, const char *title, const char *tag);
void p2p_resource_row_set_subtitle (P2pResourceRow *self, const char *subtitle);
void p2p_resource_row_set_detail (P2pResourceRow *self, const char *detail);
void p2p_resource_row_set_problem (P2pResourceRow *self, const char *problem);
void p2p_resource_row_set_state (P2pResourceRow *self, const char *state);
/* The switch stands for an action of type (xb): id and wished value. */
void p2p_resource_row_set_switch (P2pResourceRow *self,
                                  const char *action,
                                  const char *label,
                                  bool active);
void p2p_resource_row_clear_lines (P2pResourceRow *self);
/* A line below, with a state of its own. */
void p2p_resource_row_add_line (P2pResourceRow *self, const char *state, const char *text);
