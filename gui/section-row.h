/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A section in the sidebar: icon, name, how many there are, and how many need a look. Main thread.
 */
#pragma once

#include <adwaita.h>

#include "gui/resource-kind.h"

#define P2P_TYPE_SECTION_ROW (p2p_section_row_get_type ())
G_DECLARE_FINAL_TYPE (P2pSectionRow, p2p_section_row, P2P, SECTION_ROW, GtkListBoxRow)

P2pSectionRow *p2p_section_row_new (P2pKindId kind, P2pServer *server);
