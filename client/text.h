/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Texts of the server before they are shown to a person. Any thread; no state. */
#pragma once

/* A copy in which control characters and the ones that change the writing direction appear as
 * escapes: a name must not look like another one, nor break a line. Caller owns. */
char *p2p_text_dup_shown (const char *text);
