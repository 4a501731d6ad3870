/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* One fact about a certificate: what it is, its value below, and a mark when the fact was checked.
 * Main thread. */
#pragma once

#include <adwaita.h>
#include <stdbool.h>

#define P2P_TYPE_FACT_ROW (p2p_fact_row_get_type ())
G_DECLARE_FINAL_TYPE (P2pFactRow, p2p_fact_row, P2P, FACT_ROW, AdwActionRow)

typedef enum
{
  P2P_FACT_PLAIN,
  P2P_FACT_GOOD,
  P2P_FACT_BAD,
} P2pFact;

/* mark: what the mark says, for those who do not see it. */
void p2p_fact_row_set (P2pFactRow *self, const char *value, P2pFact fact, const char *mark);
