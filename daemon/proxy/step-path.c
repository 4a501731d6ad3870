/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Step: path security. Refuses what an origin may read in another way than the match did: dot
 * segments under any spelling, encoded or doubled separators, bad percent signs, control
 * characters. Nothing is rewritten, so the path that was matched is the path that goes out (RFC
 * 3986 section 6 is the origin's business). */
#include "daemon/proxy/proxy-priv.h"

#include "lib/http1.h"

Step
step_path (Request *req)
{
  P2pPathFindings found = p2p_http1_judge_path (req->head->path);

  if (found.bad)
    return answer_error (req, 400, "the path has a bad percent sign or a control character");
  if (found.dots)
    return answer_error (req, 400, "the path has a dot segment");
  if (found.separators && req->route->path_security == CONFIG_PATH_STRICT)
    return answer_error (req, 400, "the path has an encoded or doubled separator");
  return STEP_MORE;
}
