{# A model's folder is its namespace in the lake: no prefix, the same in every environment. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
  {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
