"""What was measured of the jobs: that none is lost or starved, how soon one is cancelled, who can watch."""

from typing import Any

from benchmarks.report.words import milliseconds


def chaos_rows(results: list[dict[str, Any]]) -> list[str]:
    """What becomes of jobs while processes are killed."""
    rows = [
        "## Nothing lost",
        "",
        "`python -m benchmarks.chaos`: model replicas, the Router and Ingresses get SIGKILL at random moments, while",
        "jobs run; clients come back by `Last-Event-ID`. Every job must end exactly once, with the bytes of an",
        "undisturbed run.",
        "",
        "| database | jobs | kills | ended exactly once | same bytes | streams whole | ran again | from a saved step |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for result in results:
        kills = ", ".join(f"{count} {kind}" for kind, count in sorted(result["kills"].items()))
        rows.append(
            f"| {result['settings']['database']} | {result['jobs']} | {kills} | {result['ended_exactly_once']} "
            f"| {result['pictures_equal_to_undisturbed']} | {result['streams_with_ascending_ids']} "
            f"| {result['restarts_told']} times | {result['restarts_from_a_saved_step']} times |"
        )
    return rows


def fairness_rows(result: dict[str, Any]) -> list[str]:
    """Who got how much of a busy model."""
    shares = ", ".join(f"{client} {work:.0f}" for client, work in result["work_by_client"].items())
    return [
        "## Fairness under load",
        "",
        "Three clients keep 400 jobs each waiting, of 2, 8 and 20 steps. Rows of work that each got in "
        f"{result['seconds']:.0f} s: {shares}; Jain's index **{result['jains_index']:.4f}** (1 is equal).",
        f"A newcomer's single job began {result['newcomer_waited_s']:.2f} s after it was submitted.",
    ]


def streams_rows(result: dict[str, Any]) -> list[str]:
    """What many open streams cost."""
    before, during = result["megabytes_before"], result["megabytes_with_all_open"]
    apart = result["seconds_between_the_first_and_the_last_reader_of_a_step"]
    return [
        "## Many streams",
        "",
        f"{result['streams']} event streams on {result['jobs']} jobs through one Ingress, client and models on the",
        f"same cores: {result['came_to_their_end']} came to their end; all were open after "
        f"{result['seconds_until_all_open']:.0f} s. The Ingress took {before['Ingress']:.0f} MB before and "
        f"{during['Ingress']:.0f} MB with all open, the Router {before['Router']:.0f} and {during['Router']:.0f} MB.",
        f"Half of all steps reached the last of their readers within {milliseconds(apart['median'])} of the first.",
    ]


def cancel_rows(result: dict[str, Any]) -> list[str]:
    """How many forwards a cancelled job still takes part in."""
    rows = [
        f"## A cancel, counted in forwards ({result['model']}, demo weights)",
        "",
        "Forwards that began with the job in them after the client had sent `POST /v1/jobs/{id}/cancel`. The one under",
        "way at that moment began before. More than one begins only where a step is shorter than the call's way to the",
        "engine. Client, Router and model share the same cores.",
        "",
        "| size | others in the batch | a step takes | cancels | no further forward | one | more "
        "| the last began, p95 | answered |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for case in result["cases"]:
        further = {int(count): times for count, times in case["forwards_begun_after_the_call"].items()}
        rows.append(
            f"| {case['side']}×{case['side']} | {case['others']} | {milliseconds(case['step_s']['median'])} "
            f"| {case['cancels']} | {further.get(0, 0)} | {further.get(1, 0)} "
            f"| {sum(times for count, times in further.items() if count > 1)} "
            f"| after {milliseconds(case['call_to_beginning_of_last_forward_s']['p95'])} "
            f"| after {milliseconds(case['answer_s']['median'])} |"
        )
    return rows
