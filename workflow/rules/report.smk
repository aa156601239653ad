rule report:
    input:
        table="results/{target}/results.parquet",
        run="results/{target}/run.json",
        claims=lambda wildcards: BENCH.claims(wildcards.target),
    output:
        page="results/{target}/report.html",
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
            report_what_is_there(BENCH, job.wildcards.target)
