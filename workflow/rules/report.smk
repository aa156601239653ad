rule report:
    input:
        table="results/{target}/results.parquet",
        run="results/{target}/run.json",
        claims=lambda wildcards: BENCH.claims(wildcards.target),
    output:
        page=report(
            "results/{target}/report.html",
            caption="../report/page.rst",
            category="Report",
            labels={"run": "{target}", "what": "page"},
        ),
        figures=report(
            directory("results/{target}/report_figures"),
            patterns=["{study}/{figure}.svg"],
            caption="../report/figure.rst",
            category="Figures",
            subcategory="{study}",
            labels={"run": "{target}", "figure": "{figure}"},
        ),
        tables=report(
            directory("results/{target}/report_tables"),
            patterns=["{study}.csv"],
            caption="../report/table.rst",
            category="Tables",
            labels={"run": "{target}", "study": "{study}"},
        ),
    log:
        "results/logs/report/{target}.log",
    localrule: True
    params:
        code=lambda wildcards: report_code(),
    message:
        "render {output.page}"
    script:
        "../scripts/report.py"


onsuccess:
    for job in workflow.dag.jobs:
        if job.rule.name == "report":
            print(BENCH.next_steps(job.wildcards.target, SNAKEMAKE))


# A failed cell never stops the report: what is there is collected and rendered all the same.
onerror:
    from sirenbench.partial import report_what_is_there

    for job in workflow.dag.needrun_jobs():
        if job.rule.name == "report":
            try:
                report_what_is_there(BENCH, job.wildcards.target)
            except (OSError, UserError) as error:  # what stopped the run may stop its report too
                print(f"no report of what is there: {error}", file=sys.stderr)
