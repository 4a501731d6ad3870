/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* One entry of AGENT_ALLOW or AGENT_DENY: what allow-entry.c reads and allow.c judges by. */
#pragma once

#include "lib/cidr.h"

typedef struct
{
  char *name;           /* (owned) (nullable: a network) lower case, without "*." */
  bool below;           /* names below that one, not it */
  P2pCidr cidr;         /* when there is no name */
  uint16_t first, last; /* ports */
} AllowEntry;

/* NULL, or what is wrong with it (static). ret_entry is to be cleared in both cases. */
const char *allow_entry_parse (const char *text, AllowEntry *ret_entry);
void allow_entry_clear (AllowEntry *entry);
