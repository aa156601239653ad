rule judge:
    input:
        table="results/{run}/results.parquet",  # as new as the newest record
        claims="config/claims.yaml",
    output:
        claims="results/{run}/claims.json",
    log:
        "results/logs/judge/{run}.log",
    localrule: True
    params:
        digest=lambda wildcards: BENCH.selected(wildcards.run)[0].digest,
        code=lambda wildcards: report_code(),  # read many files only where it is asked for
    message:
        "judge the claims on {wildcards.run}"
    script:
        "../scripts/judge.py"


rule collect:
    input:
        records=lambda wildcards: BENCH.records(wildcards.target),
        evaluations=lambda wildcards: BENCH.evaluations(wildcards.target),
    output:
        table="results/{target}/results.parquet",
        csv=report(
            "results/{target}/results.csv",
            caption="../report/results.rst",
            category="Tables",
            labels={"run": "{target}", "study": "all numbers"},
        ),
        run="results/{target}/run.json",
    log:
        "results/logs/collect/{target}.log",
    localrule: True
    params:
        digest=lambda wildcards: BENCH.selected(wildcards.target)[0].digest,
        configfiles=BENCH.configfiles,
        code=lambda wildcards: report_code(),  # read many files only where it is asked for
    message:
        "collect {wildcards.target}"
    script:
        "../scripts/collect.py"
