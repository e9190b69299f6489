"""Middle floor: what a run means for people. Imports `checks` and itself, never `agent`.

What the roof calls, all pure except the writer of the workbook:

    frameworks = reports.frameworks.load_frameworks()                -> Frameworks
        frameworks.references_of("AD-KRB-001")                       -> ["anssi-ad:vuln_krbtgt", …]
    reports.plan.build_plan(run, catalogue, capacity=None)           -> Plan
    reports.maturity.directory_level(frameworks, run.outcomes)       -> LevelRange | None
    reports.maturity.coverages(frameworks, run.outcomes)             -> list[Coverage]
    reports.compare.compare_runs(old, new)                           -> Comparison (msgspec struct, JSON-able)
    reports.html.render_report(run, catalogue, frameworks, comparison=None, journal_summary=None,
                               domain_summaries={}, plan=None, domain_exhibits={}) -> str
    reports.html.render_comparison(comparison, catalogue)            -> str
    reports.xlsx.write_plan_xlsx(path, run, plan, catalogue, domain_exhibits={}) -> None (writes beside, then renames)
    reports.terminal.run_summary(run, catalogue, plan)               -> str
    reports.terminal.comparison_summary(comparison)                  -> str

`compare_runs` expects two runs judged with one control set: the caller judges the old facts again first; runs whose
catalogue digests differ are compared all the same, with a warning in `Comparison.warnings`.
`journal_summary` is a `reports.html.JournalSummary`: counts of network actions by target and protocol.
`domain_summaries` is {domain id: {French label: value}}, as the domain's `summary` function gives it.
`domain_exhibits` is {domain id: (picture, …)}, as `checks.evaluate.domain_exhibits` gives them.
"""
