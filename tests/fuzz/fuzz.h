/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What every fuzz target offers, to libFuzzer ("make fuzz") and to replay.c ("make check"). A
 * target aborts when what it looks at breaks a rule; data is a block of its exact size. */
#pragma once

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);
