/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What tells listeners, routes and agents apart on the screen: texts, icon, how a row is filled,
 * what a search looks at, which comes first. One table entry a kind; the page and the row are the
 * same for all. Main thread. */
#pragma once

#include "client/store.h"
#include "gui/model/server.h"
#include "gui/resource-row.h"

typedef enum
{
  P2P_KIND_LISTENERS,
  P2P_KIND_ROUTES,
  P2P_KIND_AGENTS,
  P2P_N_KINDS,
} P2pKindId;

typedef struct
{
  const char *title;             /* these are translated by whoever shows them */
  const char *icon;
  const char *empty_title;
  const char *empty_description;
  P2pStore *(*get_store) (P2pServer *server);
  void (*fill) (P2pResourceRow *row, P2pResource *resource, P2pServer *server);
  char *(*dup_searched) (P2pResource *resource, P2pServer *server); /* beside the name */
  int (*compare) (P2pResource *a, P2pResource *b);
} P2pKind;

const P2pKind *p2p_kind_get (P2pKindId id);
