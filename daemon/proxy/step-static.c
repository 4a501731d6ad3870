/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Step: a static target is answered from the configuration. */
#include "daemon/proxy/proxy-priv.h"

Step
step_static (Request *req)
{
  if (req->target->type != CONFIG_TARGET_STATIC)
    return STEP_MORE;
  return answer_whole (req, req->target->static_status_code, req->target->static_fields,
                       req->target->static_body);
}
